// models/resnet.h: residual networks for small images.
//
//   PARE_ASSIGN_OR_RETURN(BuiltModel model, make_resnet(kResNet20, {.num_classes = 10}));
//   PARE_ASSIGN_OR_RETURN(BuiltModel small, make_resnet({.blocks = 1, .width = 16, .shortcut = Shortcut::kProjection},
//                                                       {.num_classes = 10}));
//
// A 3x3 convolution, three stages of basic blocks (the second and third begin with a stride of 2 and twice the
// channels), average pooling, a linear layer (He et al., "Deep residual learning for image recognition", CVPR 2016,
// section 4.2, arXiv:1512.03385). ResNet-20 and ResNet-56 are the paper's, with its parameter-free shortcuts: 269,722
// and 853,018 parameters for ten classes. State dict: conv1, bn1, layer{1,2,3}.<block>.{conv1,bn1,conv2,bn2}, linear; a
// projection is layer<n>.0.shortcut.{0,1}. Initial convolutions and the linear layer: normal, Kaiming, by fan-in.

#ifndef PARE_MODELS_RESNET_H_
#define PARE_MODELS_RESNET_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "models/model.h"

namespace pare::models {

// What joins the input of a block to its output where the shape changes.
enum class Shortcut {
  kParameterFree,  // Every second pixel, and channels of zeros before and after: the paper's option A.
  kProjection,     // A 1x1 convolution with batch norm: option B.
};

struct ResNetOptions {
  int64_t blocks = 3;  // A stage; each has two convolutions. 1 ... 1000
  int64_t width = 16;  // Channels of the first stage.
  Shortcut shortcut = Shortcut::kParameterFree;
};

inline constexpr ResNetOptions kResNet20{3, 16, Shortcut::kParameterFree};
inline constexpr ResNetOptions kResNet56{9, 16, Shortcut::kParameterFree};
// 78,042 parameters: learns data/procedural.h's images in a minute.
inline constexpr ResNetOptions kSmallResNet{1, 16, Shortcut::kProjection};

// Errors: InvalidArgument for options out of range.
absl::StatusOr<BuiltModel> make_resnet(const ResNetOptions& options, const ModelOptions& model);

}  // namespace pare::models

#endif  // PARE_MODELS_RESNET_H_
