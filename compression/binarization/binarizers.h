// compression/binarization/binarizers.h: the transforms that make a convolution binary: two values for weights, zero or
// one value for activations.
//
// The formulas and their gradients: ops/binarize.h. Both hand their input through while they are off.

#ifndef PARE_COMPRESSION_BINARIZATION_BINARIZERS_H_
#define PARE_COMPRESSION_BINARIZATION_BINARIZERS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "graph/transform.h"

namespace pare::binarization {

enum class WeightRule { kXnor, kDorefa };

// Node input: the weight.
class WeightBinarizer : public graph::Transform {
 public:
  WeightBinarizer(WeightRule rule, int64_t channel_axis) : rule_(rule), channel_axis_(channel_axis) {}

  std::string_view type() const override { return "weight_binarizer"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;

  void set_enabled(bool enabled) { is_enabled_ = enabled; }
  bool is_enabled() const { return is_enabled_; }

 private:
  WeightRule rule_;
  int64_t channel_axis_;
  bool is_enabled_ = true;
};

// Node inputs: the activation, its scale [1] and its threshold [channels]; channels are dimension 1.
class ActivationBinarizer : public graph::Transform {
 public:
  std::string_view type() const override { return "activation_binarizer"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;

  void set_enabled(bool enabled) { is_enabled_ = enabled; }
  bool is_enabled() const { return is_enabled_; }

  // Gets every activation that passes, detached and before it is binarized, until set to nullptr.
  using Observer = std::function<void(const at::Tensor& x)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  Observer observer_;
  bool is_enabled_ = true;
};

}  // namespace pare::binarization

#endif  // PARE_COMPRESSION_BINARIZATION_BINARIZERS_H_
