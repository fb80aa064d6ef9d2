#include "compression/analysis/sample_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare {

absl::StatusOr<int64_t> for_each_batch(const graph::Model& model, data::DataLoader& loader, int64_t max_samples,
                                       absl::FunctionRef<absl::Status(SampleBatch batch)> visit) {
  const std::vector<at::Tensor> parameters = model.parameters();
  PARE_RETURN_IF_ERROR(loader.start_epoch(0));
  int64_t seen = 0;
  while (seen < max_samples) {
    PARE_ASSIGN_OR_RETURN(std::optional<data::Batch> batch, loader.next());
    if (!batch.has_value()) break;
    const int64_t first = seen + batch->first;
    const int64_t taken = std::clamp(max_samples - first, int64_t{0}, batch->size());
    seen += std::min(batch->whole_size(), max_samples - seen);
    if (taken == 0) continue;
    SampleBatch samples{.first = first};
    const absl::Status prepared = guard_torch("a batch of the data loader", [&] {
      for (at::Tensor& input : batch->inputs) {
        at::Tensor part = input.narrow(0, 0, taken);
        samples.inputs.push_back(parameters.empty() ? part : part.to(parameters[0].device()));
      }
    });
    PARE_RETURN_IF_ERROR(prepared);
    PARE_RETURN_IF_ERROR(visit(std::move(samples)));
  }
  return seen;
}

}  // namespace pare
