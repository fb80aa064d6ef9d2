// compression/quantization/quantizer.h: the transform that quantizes one value of a graph, in training and evaluation.
//
//   auto quantizer = std::make_shared<Quantizer>("conv1.weight", QuantizerConfig{.per_channel = true},
//   Quantizer::Options{
//                                                .is_weight = true, .channel_axis = 0});
//   PARE_RETURN_IF_ERROR(quantizer->set_range({.min = {-1, -2}, .max = {1, 0.5}}));   // scale {1, 2}, signed
//
// Its node has the inputs x and then the quantizer's parameters (insertion.h makes them):
//   symmetric   scale        high end of the range; its natural logarithm with config.logarithm_scale
//   asymmetric  input_low, input_range   low end and width; the logarithm of the width with config.logarithm_scale
// each float32 [channels], or [1] per tensor. The arithmetic is that of ops/fake_quantize.h.
//
// A quantizer that is disabled or has no range yet hands x through as it is.

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTIZER_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTIZER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compression/quantization/quantizer_config.h"
#include "compression/quantization/value_range.h"
#include "graph/graph.h"
#include "graph/transform.h"
#include "nlohmann/json_fwd.hpp"
#include "ops/fake_quantize.h"
#include "ops/quantizer_grid.h"

namespace pare::quantization {

class Quantizer : public graph::Transform {
 public:
  struct Options {
    bool is_weight = false;
    int64_t channel_axis = 1;  // matters only if config.per_channel
    ops::GradientRule gradient = ops::GradientRule::kExact;
  };

  // `name` is for messages.
  Quantizer(std::string name, QuantizerConfig config, Options options);

  std::string_view type() const override { return "quantizer"; }
  std::string describe() const override { return to_string(config_); }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;

  // {"mode", "bits", "logarithm_scale", "narrow_range", "half_range", "signed", "enabled", "has_range"}. set_state()
  // refuses the state of a quantizer that differs in one of the first five: the same parameters mean other levels
  // there.
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;

  const std::string& name() const { return name_; }
  const QuantizerConfig& config() const { return config_; }
  bool is_weight() const { return options_.is_weight; }
  int64_t channel_axis() const override { return config_.per_channel ? options_.channel_axis : -1; }
  bool is_signed() const { return is_signed_; }
  LevelRange levels() const { return level_range(config_, is_signed_); }

  // Mixed precision: other bits from now on, kMinBits to kMaxBits; the range stays. Levels that the config has for its
  // own number of bits (a narrow range) come back with that number.
  void set_bits(int bits);
  // Whether set_state() takes the state's bits for its own: where they were chosen from data.
  void set_bits_may_change(bool may_change) { bits_may_change_ = may_change; }

  bool is_enabled() const { return enabled_; }
  void set_enabled(bool enabled) { enabled_ = enabled; }
  bool has_range() const { return has_range_; }
  bool is_active() const { return enabled_ && has_range_; }

  // Gets every x that passes, detached, before it is quantized, until set to nullptr: for range initialisation.
  using Observer = std::function<void(const at::Tensor& x)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

  // What the parameters are called, in the order of the node's inputs.
  static std::vector<std::string> parameter_names(const QuantizerConfig& config);
  // The graph's values that hold them; quantizers of a unified scale share theirs.
  void attach(std::vector<graph::Value*> parameters) { parameters_ = std::move(parameters); }
  const std::vector<graph::Value*>& parameters() const { return parameters_; }

  // Gives a quantizer per channel, which has no range yet, parameters for so many channels: all ones. A state of them
  // can then be loaded. set_range() with another number of channels still changes it.
  absl::Status set_num_channels(int64_t channels);

  // Sets signedness and parameters so that the levels cover the range. With m the largest channel's magnitude or width:
  //   symmetric   scale = max(|min|, |max|), at least 1e-4 m; signed if any min < 0, or if config says so. One that
  //               config wants unsigned becomes signed for negative values, with a logged line, as in NNCF.
  //   asymmetric  (min(min, 0), max(max, 0)), widened on both sides to at least 1e-2 m
  // Of a tensor that is all zeros any range is right: 1. In place where the number of channels stays the same.
  // Errors: InvalidArgument, with the quantizer's name, for a NaN, an infinity, min > max, or more than one channel per
  // tensor.
  absl::Status set_range(const ValueRange& range);
  // Those errors, and nothing is set.
  absl::Status check_range(const ValueRange& range) const;

  // The scale and zero point of each channel that give the same values. FailedPrecondition without a range,
  // InvalidArgument if a parameter is not finite.
  absl::StatusOr<ops::AffineParameters> affine_parameters() const;

 private:
  absl::Status set_symmetric_range(const ValueRange& range);
  absl::Status set_asymmetric_range(const ValueRange& range);

  std::string name_;
  QuantizerConfig config_;
  QuantizerConfig original_config_;  // before set_bits()
  bool bits_may_change_ = false;
  Options options_;
  std::vector<graph::Value*> parameters_;
  Observer observer_;
  bool is_signed_ = true;
  bool enabled_ = true;
  bool has_range_ = false;
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTIZER_H_
