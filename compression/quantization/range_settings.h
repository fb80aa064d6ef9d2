// compression/quantization/range_settings.h: how quantization ranges are initialised, read from "initializer.range".
//
//   {"type": "mean_percentile", "num_init_samples": 300, "params": {"min_percentile": 0.1, "max_percentile": 99.9}}
//
// or a list of such objects, each with target_scopes or ignored_scopes and, if it is for one kind only,
// "target_quantizer_group": "weights" or "activations". What none of them names gets the defaults; what two of them
// name is an error. Scopes are names of operators, of the model's inputs, or of parameters. An "initializer" within an
// entry of "scope_overrides" goes before them all; of two such for one quantizer, the later.
//
//   min_max, mixed_min_max   the extremes of all samples (default: mixed_min_max)
//   mean_min_max             the means of the samples' extremes
//   threesigma               median +- 3 * 1.4826 * MAD of the numbers that are not zero (a ReLU's zeros would make
//   both
//                            zero); of data without a negative number the low end is not below zero
//   percentile               percentiles of all samples together
//   mean_percentile          the means of the samples' percentiles
//   mse                      Pare's own: the range that quantizes with the least squared error, found by search
// Of a weight, which is one sample, the mean types are what they average.
//
// "num_init_samples": 0 takes no ranges of activations from data: they start from 0 to 1, as in NNCF, and training
// finds them. Weights' ranges always come from the weights.

#ifndef PARE_COMPRESSION_QUANTIZATION_RANGE_SETTINGS_H_
#define PARE_COMPRESSION_QUANTIZATION_RANGE_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/quantization/quantizer_setup.h"
#include "compression/scopes.h"
#include "config/object_reader.h"
#include "graph/graph.h"

namespace pare::quantization {

enum class RangeType { kMinMax, kMixedMinMax, kMeanMinMax, kThreeSigma, kPercentile, kMeanPercentile, kMse };

struct RangeSettings {
  RangeType type = RangeType::kMixedMinMax;
  int64_t num_init_samples = 256;
  double min_percentile = 0.1;  // in percent
  double max_percentile = 99.9;
};

class RangeRules {
 public:
  // Reads "range" of the object "initializer"; its mistakes are kept in the reader.
  static RangeRules read(config::ObjectReader& initializer);

  // Reads "range" of the object "initializer" of an entry of scope_overrides, for the operators that `scope` names.
  void read_override(config::ObjectReader& initializer, bool weights, const ScopeSet& scope);

  // InvalidArgument, naming both rules, if two of them are for this point.
  absl::StatusOr<RangeSettings> settings_for(const QuantizationPoint& point) const;

  // As ScopeSet's, for all scopes but those of rules whose "validate_scopes" is false.
  absl::Status check_all_match(const graph::Graph& graph) const;

 private:
  enum class Group { kAny, kWeights, kActivations };
  struct Rule {
    std::string path;
    RangeSettings settings;
    Group group = Group::kAny;
    ScopeSet target, ignored;
    bool validate_scopes = true;
  };
  static Rule read_rule(config::ObjectReader& reader);

  std::vector<Rule> rules_;
  std::vector<Rule> overrides_;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_RANGE_SETTINGS_H_
