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
#include "compression/quantization/range_collector.h"
#include "compression/quantization/sample_stream.h"

namespace pare::quantization {

namespace {

// Sets each quantizer to the union of the ranges of all that share its parameters. ranges[i] is quantizers[i]'s.
absl::Status set_ranges(const std::vector<const InsertedQuantizer*>& quantizers,
                        const std::vector<ValueRange>& ranges) {
  std::map<const graph::Value*, ValueRange> shared;
  for (size_t i = 0; i < quantizers.size(); ++i) {
    const graph::Value* parameter = quantizers[i]->quantizer->parameters()[0];
    const auto [entry, is_first] = shared.try_emplace(parameter, ranges[i]);
    if (is_first) continue;
    if (entry->second.min.size() != ranges[i].min.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("quantizer ", quantizers[i]->quantizer->name(), " sees ", ranges[i].min.size(),
                       " channels, another one that shares its scale ", entry->second.min.size()));
    }
    entry->second = merge_ranges(entry->second, ranges[i]);
  }
  for (const InsertedQuantizer* inserted : quantizers) {
    PARE_RETURN_IF_ERROR(inserted->quantizer->set_range(shared.at(inserted->quantizer->parameters()[0])));
  }
  return absl::OkStatus();
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

absl::Status initialize_weight_ranges(const std::vector<InsertedQuantizer>& quantizers, const RangeRules& rules) {
  std::vector<const InsertedQuantizer*> weights;
  std::vector<ValueRange> ranges;
  for (const InsertedQuantizer& inserted : quantizers) {
    if (!inserted.quantizer->is_weight()) continue;
    PARE_ASSIGN_OR_RETURN(const RangeSettings settings, rules.settings_for(inserted.point));
    PARE_ASSIGN_OR_RETURN(ValueRange range,
                          weight_range(settings, *inserted.quantizer, inserted.point.value->tensor()));
    weights.push_back(&inserted);
    ranges.push_back(std::move(range));
  }
  return set_ranges(weights, ranges);
}

absl::Status initialize_activation_ranges(graph::Model& model, const std::vector<InsertedQuantizer>& quantizers,
                                          const RangeRules& rules, data::DataLoader& loader) {
  struct Watched {
    const InsertedQuantizer* inserted;
    std::unique_ptr<RangeCollector> collector;
    int64_t num_samples;
  };
  std::vector<Watched> watched;
  int64_t most_samples = 0;
  for (const InsertedQuantizer& inserted : quantizers) {
    if (inserted.quantizer->is_weight()) continue;
    PARE_ASSIGN_OR_RETURN(const RangeSettings settings, rules.settings_for(inserted.point));
    watched.push_back({&inserted, make_range_collector(settings, *inserted.quantizer), settings.num_init_samples});
    most_samples = std::max(most_samples, settings.num_init_samples);
  }
  if (watched.empty()) return absl::OkStatus();

  const at::NoGradGuard no_grad;
  const EvaluationMode evaluation_mode(model);
  const QuantizersOff quantizers_off(quantizers);
  int64_t seen = 0, batch_size = 0;
  for (Watched& w : watched) {
    w.inserted->quantizer->set_observer([&w, &seen, &batch_size](const at::Tensor& x) {
      const int64_t wanted = w.num_samples - seen;
      if (wanted <= 0) return;
      const bool cut = wanted < batch_size && x.dim() > 0 && x.size(0) == batch_size;
      w.collector->add(cut ? x.narrow(0, 0, wanted) : x);
    });
  }
  const absl::Cleanup stop_watching = [&watched] {
    for (const Watched& w : watched) w.inserted->quantizer->set_observer(nullptr);
  };
  const auto run = [&](std::vector<at::Tensor> inputs) -> absl::Status {
    batch_size = inputs.empty() || inputs[0].dim() == 0 ? 0 : inputs[0].size(0);
    PARE_RETURN_IF_ERROR(model.forward_tensor(inputs).status());
    seen += batch_size;
    return absl::OkStatus();
  };
  PARE_ASSIGN_OR_RETURN(const int64_t num_samples, for_each_batch(model, loader, most_samples, run));
  if (num_samples == 0) {
    return absl::FailedPreconditionError(absl::StrCat("the data loader is empty: the ranges of ", watched.size(),
                                                      " activation quantizers, the first ",
                                                      watched[0].inserted->quantizer->name(), ", need samples"));
  }
  if (num_samples < most_samples) {
    log_info(absl::StrCat("quantization ranges: ", num_samples, " samples, all that there are, for the ", most_samples,
                          " asked for"));
  }
  std::vector<const InsertedQuantizer*> activations;
  std::vector<ValueRange> ranges;
  for (const Watched& w : watched) {
    PARE_ASSIGN_OR_RETURN(ValueRange range, w.collector->range());
    activations.push_back(w.inserted);
    ranges.push_back(std::move(range));
  }
  return set_ranges(activations, ranges);
}

}  // namespace pare::quantization
