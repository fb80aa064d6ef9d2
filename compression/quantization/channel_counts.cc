#include "compression/quantization/channel_counts.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/analysis/operator_traits.h"
#include "compression/analysis/sample_stream.h"

namespace pare::quantization {

namespace {

bool counts(const InsertedQuantizer& inserted) {
  return !inserted.quantizer->is_weight() && inserted.quantizer->config().per_channel;
}

// Zeros on the model's device, in its dtype; whole numbers for inputs that are indices.
absl::StatusOr<std::vector<at::Tensor>> zero_inputs(const graph::Model& model,
                                                    const std::vector<std::vector<int64_t>>& input_size) {
  const std::vector<at::Tensor> parameters = model.parameters();
  const std::vector<graph::Value*> values = model.graph().inputs();
  return guard_torch("zeros to run the model on", [&] {
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < input_size.size(); ++i) {
      const std::vector<graph::Use>& uses = values[i]->uses();
      const bool is_index = std::any_of(uses.begin(), uses.end(), is_index_use);
      at::TensorOptions options = at::TensorOptions().dtype(is_index ? c10::kLong : c10::kFloat);
      if (!parameters.empty()) {
        options = options.device(parameters[0].device());
        if (!is_index && parameters[0].is_floating_point()) options = options.dtype(parameters[0].scalar_type());
      }
      inputs.push_back(at::zeros(input_size[i], options));
    }
    return inputs;
  });
}

}  // namespace

absl::Status count_channels(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                            const std::vector<std::vector<int64_t>>& input_size) {
  if (std::none_of(quantizers.begin(), quantizers.end(), counts)) return absl::OkStatus();
  if (input_size.empty() || input_size.size() != model.graph().inputs().size()) return absl::OkStatus();
  PARE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> inputs, zero_inputs(model, input_size));
  std::map<const Quantizer*, int64_t> channels;
  for (const InsertedQuantizer& inserted : quantizers) {
    if (!counts(inserted)) continue;
    inserted.quantizer->set_observer([&channels, quantizer = inserted.quantizer.get()](const at::Tensor& x) {
      const int64_t axis = quantizer->channel_axis();
      if (axis < x.dim()) channels[quantizer] = x.size(axis);
    });
  }
  const absl::Cleanup stop_watching = [&quantizers] {
    for (const InsertedQuantizer& inserted : quantizers) inserted.quantizer->set_observer(nullptr);
  };
  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation_mode(model);
  PARE_RETURN_IF_ERROR(model.forward_tensor(inputs).status());
  std::set<const graph::Value*> done;  // quantizers of one scale share their parameters
  for (const InsertedQuantizer& inserted : quantizers) {
    const auto found = channels.find(inserted.quantizer.get());
    if (found == channels.end() || !done.insert(inserted.quantizer->parameters()[0]).second) continue;
    PARE_RETURN_IF_ERROR(inserted.quantizer->set_num_channels(found->second));
  }
  return absl::OkStatus();
}

}  // namespace pare::quantization
