#include "compression/analysis/sample_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "distributed/agree.h"

namespace pare {
namespace {

// The part of a batch that is among the first `max_samples`, `seen` of which came before it.
absl::StatusOr<SampleBatch> samples_of(const data::Batch& batch, int64_t seen, int64_t max_samples,
                                       const std::vector<at::Tensor>& parameters) {
  SampleBatch samples{.first = seen + batch.first,
                      .first_of_whole = seen,
                      .whole_size = std::min(batch.whole_size(), max_samples - seen)};
  const int64_t taken = std::clamp(max_samples - samples.first, int64_t{0}, batch.size());
  PARE_RETURN_IF_ERROR(guard_torch("a batch of the data loader", [&] {
    for (const at::Tensor& input : batch.inputs) {
      const at::Tensor part = input.narrow(0, 0, taken);
      samples.inputs.push_back(parameters.empty() ? part : part.to(parameters[0].device()));
    }
  }));
  return samples;
}

// Without a group to agree with, a process goes through its own samples alone.
absl::StatusOr<int64_t> visit_batches(const graph::Model& model, data::DataLoader& loader, int64_t max_samples,
                                      ProcessGroup* group, absl::FunctionRef<absl::Status(SampleBatch batch)> visit) {
  const std::vector<at::Tensor> parameters = model.parameters();
  absl::Status status = loader.start_epoch(0);
  int64_t seen = 0;
  while (seen < max_samples) {
    auto batch = status.ok() ? loader.next() : absl::StatusOr<std::optional<data::Batch>>(status);
    PARE_RETURN_IF_ERROR(agree(group, batch.status()));
    if (!batch->has_value()) break;
    const absl::StatusOr<SampleBatch> samples = samples_of(**batch, seen, max_samples, parameters);
    seen += std::min((*batch)->whole_size(), max_samples - seen);
    status = samples.status();
    if (!samples.ok()) continue;
    const bool is_empty = samples->inputs.empty() || samples->inputs[0].size(0) == 0;
    if (!is_empty || is_distributed(group)) status = visit(*samples);
  }
  PARE_RETURN_IF_ERROR(agree(group, status));
  return seen;
}

}  // namespace

absl::StatusOr<int64_t> for_each_batch(const graph::Model& model, data::DataLoader& loader, int64_t max_samples,
                                       absl::FunctionRef<absl::Status(SampleBatch batch)> visit) {
  return visit_batches(model, loader, max_samples, nullptr, visit);
}

absl::StatusOr<int64_t> for_each_batch_together(const graph::Model& model, data::DataLoader& loader,
                                                int64_t max_samples, ProcessGroup* group,
                                                absl::FunctionRef<absl::Status(SampleBatch batch)> visit) {
  return visit_batches(model, loader, max_samples, group, visit);
}

}  // namespace pare
