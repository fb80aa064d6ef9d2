// models/mobilenet_v2.h: MobileNetV2.
//
//   PARE_ASSIGN_OR_RETURN(BuiltModel model, make_mobilenet_v2({.small_images = true}, {.num_classes = 10}));
//   PARE_ASSIGN_OR_RETURN(BuiltModel full, make_mobilenet_v2({}, {.num_classes = 1000, .image_size = 224}));
//
// Inverted residuals with depthwise convolutions (Sandler et al., "MobileNetV2: inverted residuals and linear
// bottlenecks", CVPR 2018, table 2, arXiv:1801.04381). Structure and state dict are those of torchvision's mobilenet_v2
// (features.<n>.conv.<m>..., classifier.1), so that its weights fit: 3,504,872 parameters for 1000 classes. Initial
// convolutions: normal, Kaiming, by fan-out; classifier: normal of 0.01.

#ifndef PARE_MODELS_MOBILENET_V2_H_
#define PARE_MODELS_MOBILENET_V2_H_

#include "absl/status/statusor.h"
#include "models/model.h"

namespace pare::models {

struct MobileNetV2Options {
  // Scales the channels of every layer, which are rounded to multiples of 8. 0.05 ... 8
  double width_multiplier = 1.0;
  // For images of 32 pixels or so: the first convolution and the first stage of stride 2 keep the resolution.
  bool small_images = false;
  double dropout = 0.2;  // Before the classifier. 0 ... 1, 1 excluded
};

// Errors: InvalidArgument for options out of range.
absl::StatusOr<BuiltModel> make_mobilenet_v2(const MobileNetV2Options& options, const ModelOptions& model);

}  // namespace pare::models

#endif  // PARE_MODELS_MOBILENET_V2_H_
