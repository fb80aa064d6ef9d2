// compression/sparsity/rb_transform.h: the mask of regularization-based sparsity on one weight.
//
// Node inputs: the weight and its logits. In training the mask is drawn anew at each forward, from a seed and a counter
// alone: the same in every process that has made as many forwards. In evaluation, and once it is frozen, it is the
// likeliest. The formulas: ops/rb_mask.h.

#ifndef PARE_COMPRESSION_SPARSITY_RB_TRANSFORM_H_
#define PARE_COMPRESSION_SPARSITY_RB_TRANSFORM_H_

#include <cstdint>
#include <string_view>

#include "graph/model.h"
#include "graph/transform.h"

namespace pare::sparsity {

class RbTransform : public graph::Transform {
 public:
  // `model`, which says whether it is in training, owns the graph that this is in.
  RbTransform(const graph::Model& model, uint64_t seed) : model_(model), seed_(seed) {}

  std::string_view type() const override { return "rb_mask"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;

  // {"draw", "frozen"}: the seed follows from the config and the layer.
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;

  void set_frozen(bool frozen) { is_frozen_ = frozen; }
  bool is_frozen() const { return is_frozen_; }

 private:
  const graph::Model& model_;
  uint64_t seed_;
  uint64_t draw_ = 0;
  bool is_frozen_ = false;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_RB_TRANSFORM_H_
