#include "tools/train/compare_speed.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/rand.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/median.h"
#include "base/status_macros.h"
#include "export/onnxruntime/onnxruntime_node.h"
#include "graph/device.h"
#include "tools/common/device.h"
#include "training/evaluate.h"

namespace pare::tools {
namespace {

constexpr int64_t kBatch = 32;
constexpr int kWarmups = 3, kRounds = 25;

using Forward = std::function<absl::Status()>;

absl::StatusOr<double> milliseconds(const Forward& run) {
  const auto start = std::chrono::steady_clock::now();
  PARE_RETURN_IF_ERROR(run());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// In turn, so that a machine whose speed drifts treats both alike.
absl::StatusOr<nlohmann::ordered_json> compare(const Forward& original, const Forward& compressed) {
  std::vector<double> originals, compresseds, ratios;
  for (int round = -kWarmups; round < kRounds; ++round) {
    PARE_ASSIGN_OR_RETURN(const double first, milliseconds(original));
    PARE_ASSIGN_OR_RETURN(const double second, milliseconds(compressed));
    if (round < 0) continue;
    originals.push_back(first);
    compresseds.push_back(second);
    ratios.push_back(first / second);
  }
  return nlohmann::ordered_json{
      {"original_ms", median(originals)}, {"compressed_ms", median(compresseds)}, {"speedup", median(ratios)}};
}

// One thread, and evaluation mode, until the end.
class Setting {
 public:
  explicit Setting(std::vector<graph::Model*> models) : models_(std::move(models)), threads_(at::get_num_threads()) {
    for (graph::Model* model : models_) {
      modes_.push_back(model->is_training());
      model->eval();
    }
    at::set_num_threads(1);
  }
  ~Setting() {
    for (size_t i = 0; i < models_.size(); ++i) models_[i]->train(modes_[i]);
    at::set_num_threads(threads_);
  }

 private:
  const at::NoGradGuard no_grad_;
  std::vector<graph::Model*> models_;
  std::vector<bool> modes_;
  const int threads_;
};

}  // namespace

absl::StatusOr<nlohmann::ordered_json> compare_speed(graph::Model& original, graph::Model& compressed,
                                                     const std::vector<int64_t>& input_shape, const OnnxFiles& files) {
  const Setting setting({&original, &compressed});
  std::vector<int64_t> shape = input_shape;
  if (shape.empty()) return absl::InvalidArgumentError("the speed of a model needs the shape of its input");
  shape[0] = kBatch;
  const at::Tensor images = at::rand(shape);
  nlohmann::ordered_json speed = {{"batch", kBatch}, {"threads", 1}};
  const auto forward_of = [&](graph::Model& model) -> Forward {
    const c10::Device device = device_of(model.graph());
    return [&model, device, moved = images.to(device)]() -> absl::Status {
      PARE_RETURN_IF_ERROR(model.forward_tensor({moved}).status());
      return synchronize(device);
    };
  };
  PARE_ASSIGN_OR_RETURN(speed["pare"], compare(forward_of(original), forward_of(compressed)));
  auto first = exporters::OnnxRuntimeNode::start(files.original);
  if (first.status().code() == absl::StatusCode::kUnavailable) {
    log_warning(absl::StrCat("no time is measured in ONNX Runtime: ", std::string(first.status().message())));
    return speed;
  }
  PARE_RETURN_IF_ERROR(first.status());
  PARE_ASSIGN_OR_RETURN(const auto second, exporters::OnnxRuntimeNode::start(files.compressed));
  const auto run_of = [&](exporters::OnnxRuntimeNode& runtime) {
    return [&images, &runtime] { return runtime.run({images}).status(); };
  };
  PARE_ASSIGN_OR_RETURN(speed["onnxruntime"], compare(run_of(**first), run_of(*second)));
  return speed;
}

}  // namespace pare::tools
