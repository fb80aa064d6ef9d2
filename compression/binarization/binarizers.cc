#include "compression/binarization/binarizers.h"

#include <c10/util/Exception.h>

#include "ops/binarize.h"

namespace pare::binarization {

at::Tensor WeightBinarizer::forward(at::ArrayRef<at::Tensor> inputs) {
  if (!is_enabled_) return inputs[0];
  return rule_ == WeightRule::kXnor ? ops::binarize_weights_xnor(inputs[0], channel_axis_)
                                    : ops::binarize_weights_dorefa(inputs[0]);
}

at::Tensor ActivationBinarizer::forward(at::ArrayRef<at::Tensor> inputs) {
  TORCH_CHECK(inputs.size() == 3, "a binarizer of activations takes an activation, a scale and a threshold");
  if (observer_) observer_(inputs[0].detach());
  if (!is_enabled_) return inputs[0];
  return ops::binarize_activations(inputs[0], inputs[1], inputs[2], /*channel_axis=*/1);
}

}  // namespace pare::binarization
