// tools/train/compare_speed.h: how much faster a compressed model runs than the original, here and in ONNX Runtime.
//
//   PARE_ASSIGN_OR_RETURN(auto copy, graph::clone_graph(model->graph()));   // before compression
//   graph::Model original(std::move(copy));
//   ... compress, train, export ...
//   PARE_ASSIGN_OR_RETURN(auto speed, compare_speed(original, *compression->model(), {1, 3, 32, 32},
//                                                   {.original = "fp32.onnx", .compressed = "model.onnx"}));
//   speed["pare"]["speedup"];   // 1.6: the compressed one takes 1 / 1.6 of the time

#ifndef PARE_TOOLS_TRAIN_COMPARE_SPEED_H_
#define PARE_TOOLS_TRAIN_COMPARE_SPEED_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/model.h"
#include "nlohmann/json.hpp"

namespace pare::tools {

// The exported files of both.
struct OnnxFiles {
  std::string original, compressed;
};

// {"batch", "threads": 1, "pare": {"original_ms", "compressed_ms", "speedup"}, "onnxruntime": {the same}}: medians over
// 25 forwards of each, in turn, on random numbers, in evaluation mode with one thread; "speedup" is the median of the
// pairs' ratios. "pare" is on the models' device, "onnxruntime" on the CPU, and "onnxruntime" is left out where ONNX
// Runtime is not installed, which is logged. Errors: those of the models and of the runtime. The models' mode and the
// number of threads are afterwards what they were.
absl::StatusOr<nlohmann::ordered_json> compare_speed(graph::Model& original, graph::Model& compressed,
                                                     const std::vector<int64_t>& input_shape, const OnnxFiles& files);

}  // namespace pare::tools

#endif  // PARE_TOOLS_TRAIN_COMPARE_SPEED_H_
