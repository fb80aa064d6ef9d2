// export/onnxruntime/onnxruntime_node.h: runs an ONNX file in ONNX Runtime, to see that others compute what we do.
//
//   PARE_ASSIGN_OR_RETURN(auto runtime, OnnxRuntimeNode::start("model.onnx"));
//   PARE_ASSIGN_OR_RETURN(std::vector<at::Tensor> outputs, runtime->run({images}));
//
// The library is the one in the package onnxruntime-node, in a Node.js process of its own, with which tensors are
// exchanged over a socket. The session is the runtime's default one but for the number of threads, so that its numbers
// are those that a user of the file gets. Neither is a dependency: where one is missing, start() returns Unavailable
// and says what to do. Not thread-safe.

#ifndef PARE_EXPORT_ONNXRUNTIME_ONNXRUNTIME_NODE_H_
#define PARE_EXPORT_ONNXRUNTIME_ONNXRUNTIME_NODE_H_

#include <ATen/core/Tensor.h>
#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json_fwd.hpp"

namespace pare::exporters {

struct OnnxRuntimeOptions {
  int num_threads = 1;
  // For one run, or for loading the model.
  absl::Duration timeout = absl::Minutes(5);
  // Where the runtime writes the graph that it really executes; empty: nowhere.
  std::string optimized_model_path;
  // The Node.js program.
  std::string node = "node";
};

// The folder of the package onnxruntime-node: in PARE_ONNXRUNTIME_NODE (the package's own folder, or one that holds it
// or its node_modules), NODE_PATH, ./node_modules or ~/.cache/pare/node_modules. Unavailable if it is in none.
absl::StatusOr<std::string> find_onnxruntime_node();

class OnnxRuntimeNode {
 public:
  // Errors: Unavailable (no Node.js, no package), NotFound (no such model), InvalidArgument (the runtime refuses the
  // model; its words), DeadlineExceeded, Internal (the process died; what it wrote last).
  static absl::StatusOr<std::unique_ptr<OnnxRuntimeNode>> start(const std::string& model_path,
                                                                const OnnxRuntimeOptions& options = {});
  // Ends the process.
  ~OnnxRuntimeNode();
  OnnxRuntimeNode(const OnnxRuntimeNode&) = delete;
  OnnxRuntimeNode& operator=(const OnnxRuntimeNode&) = delete;

  // One tensor for each input, and one from each output, in the file's order. float32, float64, int64, int32, int8,
  // uint8 and bool; on any device. Errors: InvalidArgument (the runtime's words; it can be used on), DeadlineExceeded,
  // DataLoss (an answer that makes no sense), Internal (the process died), FailedPrecondition (after one of those).
  absl::StatusOr<std::vector<at::Tensor>> run(const std::vector<at::Tensor>& inputs);

  const std::vector<std::string>& input_names() const { return input_names_; }
  const std::vector<std::string>& output_names() const { return output_names_; }

 private:
  OnnxRuntimeNode() = default;
  absl::Status spawn(const std::string& package, const std::string& model_path, const OnnxRuntimeOptions& options);
  absl::StatusOr<std::vector<at::Tensor>> exchange(const std::vector<at::Tensor>& inputs);
  absl::Status send_all(const void* data, size_t size, absl::Time deadline);
  absl::Status receive_all(void* data, size_t size, absl::Time deadline);
  absl::StatusOr<nlohmann::json> receive_header(absl::Time deadline);
  absl::Status wait_for(short events, absl::Time deadline);
  absl::Status died();

  pid_t pid_ = -1;
  int socket_ = -1;
  std::FILE* errors_ = nullptr;  // what the process writes on its standard error
  bool broken_ = false;
  absl::Duration timeout_;
  std::string model_path_;
  std::vector<std::string> input_names_, output_names_;
};

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNXRUNTIME_ONNXRUNTIME_NODE_H_
