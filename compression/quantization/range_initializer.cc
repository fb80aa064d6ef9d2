#include "compression/quantization/range_initializer.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "compression/analysis/sample_stream.h"
#include "compression/quantization/range_collector.h"
#include "distributed/agree.h"
#include "distributed/gather_json.h"

namespace pare::quantization {

namespace {

// The ranges that have been found, before any is set.
struct Found {
  std::vector<const InsertedQuantizer*> quantizers;
  std::vector<ValueRange> ranges;  // of each

  void add(const InsertedQuantizer& inserted, ValueRange range) {
    quantizers.push_back(&inserted);
    ranges.push_back(std::move(range));
  }
};

// Sets each quantizer to the union of the ranges of all that share its parameters. All or none: when one is refused,
// the others stay as they were, too.
absl::Status set_ranges(const Found& found) {
  std::map<const graph::Value*, ValueRange> shared;
  for (size_t i = 0; i < found.quantizers.size(); ++i) {
    const Quantizer& quantizer = *found.quantizers[i]->quantizer;
    const auto [entry, is_first] = shared.try_emplace(quantizer.parameters()[0], found.ranges[i]);
    if (is_first) continue;
    if (entry->second.min.size() != found.ranges[i].min.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("quantizer ", quantizer.name(), " sees ", found.ranges[i].min.size(),
                       " channels, another one that shares its scale ", entry->second.min.size()));
    }
    entry->second = merge_ranges(entry->second, found.ranges[i]);
  }
  const auto range_of = [&](const InsertedQuantizer* inserted) -> const ValueRange& {
    return shared.at(inserted->quantizer->parameters()[0]);
  };
  for (const InsertedQuantizer* inserted : found.quantizers) {
    PARE_RETURN_IF_ERROR(inserted->quantizer->check_range(range_of(inserted)));
  }
  for (const InsertedQuantizer* inserted : found.quantizers) {
    PARE_RETURN_IF_ERROR(inserted->quantizer->set_range(range_of(inserted)));
  }
  return absl::OkStatus();
}

absl::Status find_weight_ranges(const std::vector<InsertedQuantizer>& quantizers, const RangeRules& rules,
                                Found& found) {
  for (const InsertedQuantizer& inserted : quantizers) {
    if (!inserted.quantizer->is_weight()) continue;
    PARE_ASSIGN_OR_RETURN(const RangeSettings settings, rules.settings_for(inserted.point));
    PARE_ASSIGN_OR_RETURN(ValueRange range,
                          weight_range(settings, *inserted.quantizer, inserted.point.value->tensor()));
    found.add(inserted, std::move(range));
  }
  return absl::OkStatus();
}

// Where a rule asks for no samples: what parameters of 1 (and a low end of 0) mean.
ValueRange unit_range(const Quantizer& quantizer) {
  const auto channels = static_cast<size_t>(quantizer.parameters()[0]->tensor().numel());
  return {std::vector<float>(channels, 0.0f), std::vector<float>(channels, 1.0f)};
}

}  // namespace

QuantizersOff::QuantizersOff(const std::vector<InsertedQuantizer>& quantizers) {
  for (const InsertedQuantizer& inserted : quantizers) {
    if (!inserted.quantizer->is_enabled()) continue;
    inserted.quantizer->set_enabled(false);
    turned_off_.push_back(inserted.quantizer);
  }
}

QuantizersOff::~QuantizersOff() {
  for (const std::shared_ptr<Quantizer>& quantizer : turned_off_) quantizer->set_enabled(true);
}

namespace {

struct Watched {
  const InsertedQuantizer* inserted;
  RangeSettings settings;
  std::unique_ptr<RangeCollector> collector;
};

// What all processes have seen, in each. One message for all quantizers.
absl::Status exchange(std::vector<Watched>& watched, ProcessGroup& process_group) {
  nlohmann::json states = nlohmann::json::array();
  for (Watched& w : watched) states.push_back(w.collector->state());
  PARE_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> everyones, gather_json(process_group, states));
  for (Watched& w : watched) w.collector = make_range_collector(w.settings, *w.inserted->quantizer);
  for (const nlohmann::json& theirs : everyones) {
    if (!theirs.is_array() || theirs.size() != watched.size()) {
      return absl::InvalidArgumentError("another process has other quantizers: all need the same model and config");
    }
    for (size_t i = 0; i < watched.size(); ++i) PARE_RETURN_IF_ERROR(watched[i].collector->merge(theirs[i]));
  }
  return absl::OkStatus();
}

absl::Status find_activation_ranges(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                                    const RangeRules& rules, data::DataLoader& loader, ProcessGroup* process_group,
                                    Found& found) {
  std::vector<Watched> watched;
  int64_t most_samples = 0;
  for (const InsertedQuantizer& inserted : quantizers) {
    if (inserted.quantizer->is_weight()) continue;
    PARE_ASSIGN_OR_RETURN(const RangeSettings settings, rules.settings_for(inserted.point));
    if (settings.num_init_samples == 0) {
      found.add(inserted, unit_range(*inserted.quantizer));
      continue;
    }
    watched.push_back({&inserted, settings, make_range_collector(settings, *inserted.quantizer)});
    most_samples = std::max(most_samples, settings.num_init_samples);
  }
  if (watched.empty()) return absl::OkStatus();

  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation_mode(model);
  const QuantizersOff quantizers_off(quantizers);
  int64_t first = 0, batch_size = 0;
  for (Watched& w : watched) {
    w.inserted->quantizer->set_observer([&w, &first, &batch_size](const at::Tensor& x) {
      const int64_t wanted = w.settings.num_init_samples - first;
      if (wanted <= 0) return;
      const bool cut = wanted < batch_size && x.dim() > 0 && x.size(0) == batch_size;
      w.collector->add(cut ? x.narrow(0, 0, wanted) : x);
    });
  }
  const absl::Cleanup stop_watching = [&watched] {
    for (const Watched& w : watched) w.inserted->quantizer->set_observer(nullptr);
  };
  const auto run = [&](SampleBatch batch) -> absl::Status {
    batch_size = batch.inputs.empty() || batch.inputs[0].dim() == 0 ? 0 : batch.inputs[0].size(0);
    first = batch.first;
    return model.forward_tensor(batch.inputs).status();
  };
  const absl::StatusOr<int64_t> seen = for_each_batch(model, loader, most_samples, run);
  PARE_RETURN_IF_ERROR(agree(process_group, seen.status()));
  const int64_t num_samples = *seen;
  if (num_samples == 0) {
    return absl::FailedPreconditionError(absl::StrCat("the data loader is empty: the ranges of ", watched.size(),
                                                      " activation quantizers, the first ",
                                                      watched[0].inserted->quantizer->name(), ", need samples"));
  }
  if (num_samples < most_samples) {
    log_info(absl::StrCat("quantization ranges: ", num_samples, " samples, all that there are, for the ", most_samples,
                          " asked for"));
  }
  if (is_distributed(process_group)) PARE_RETURN_IF_ERROR(exchange(watched, *process_group));
  for (const Watched& w : watched) {
    PARE_ASSIGN_OR_RETURN(ValueRange range, w.collector->range());
    found.add(*w.inserted, std::move(range));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status initialize_weight_ranges(const std::vector<InsertedQuantizer>& quantizers, const RangeRules& rules) {
  Found found;
  PARE_RETURN_IF_ERROR(find_weight_ranges(quantizers, rules, found));
  return set_ranges(found);
}

absl::Status initialize_activation_ranges(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                                          const RangeRules& rules, data::DataLoader& loader,
                                          ProcessGroup* process_group) {
  Found found;
  PARE_RETURN_IF_ERROR(find_activation_ranges(model, quantizers, rules, loader, process_group, found));
  return set_ranges(found);
}

absl::Status initialize_ranges(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                               const RangeRules& rules, data::DataLoader& loader, ProcessGroup* process_group) {
  Found found;
  PARE_RETURN_IF_ERROR(find_weight_ranges(quantizers, rules, found));
  PARE_RETURN_IF_ERROR(find_activation_ranges(model, quantizers, rules, loader, process_group, found));
  return set_ranges(found);
}

}  // namespace pare::quantization
