// models/vision_transformer.h: a small vision transformer.
//
//   PARE_ASSIGN_OR_RETURN(BuiltModel model, make_vision_transformer({.patch_size = 4, .depth = 6}, {}));
//
// Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021 (arXiv:2010.11929): a convolution cuts the image into
// patches, a learned position is added, pre-norm encoder blocks follow (attention, then two linear layers with GELU), a
// norm, the mean over the patches, a linear head. No operation names the batch size, so a trace runs with any.
// State dict: patch_embed, pos_embed, blocks.<n>.{norm1,attn.{qkv,proj},norm2,mlp.{fc1,fc2}}, norm, head. Initial
// weights: normal of 0.02 with biases of zero; the patch convolution: LibTorch's default.

#ifndef PARE_MODELS_VISION_TRANSFORMER_H_
#define PARE_MODELS_VISION_TRANSFORMER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "models/model.h"

namespace pare::models {

struct VisionTransformerOptions {
  int64_t patch_size = 4;  // Divides image_size.
  int64_t width = 96;      // Features of a token: a multiple of `heads`.
  int64_t depth = 6;       // Blocks: 1 ... 1000
  int64_t heads = 3;
  int64_t mlp_ratio = 2;  // Hidden features of a block's linear layers, in widths: 1 ... 16
};

// Errors: InvalidArgument for options out of range or that do not divide.
absl::StatusOr<BuiltModel> make_vision_transformer(const VisionTransformerOptions& options, const ModelOptions& model);

}  // namespace pare::models

#endif  // PARE_MODELS_VISION_TRANSFORMER_H_
