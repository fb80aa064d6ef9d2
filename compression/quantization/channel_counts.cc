#include "compression/quantization/channel_counts.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/cleanup/cleanup.h"
#include "base/status_macros.h"
#include "compression/analysis/sample_stream.h"
#include "compression/analysis/zero_inputs.h"

namespace pare::quantization {

namespace {

bool counts(const InsertedQuantizer& inserted) {
  return !inserted.quantizer->is_weight() && inserted.quantizer->config().per_channel;
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
