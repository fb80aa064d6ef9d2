// graph/transform.h: an operation of our own in a model's graph: a quantizer, a sparsity mask, a probe.
//
//   class Halve : public graph::Transform {
//    public:
//     std::string_view type() const override { return "halve"; }
//     at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * 0.5; }
//   };
//   graph::insert_post_hook(model->graph(), conv->output(), std::make_shared<Halve>(), "halve", {});
//
// A transform takes tensors and returns one. Its learned tensors (a quantizer's scale) are not members: they are
// parameters and buffers of the graph, given to it as further inputs, so that an optimizer, a checkpoint,
// `model.to(device)` and an export see them without special cases. What is no tensor (a flag, a number of bits) is a
// member, and goes into a checkpoint through state() and set_state().

#ifndef PARE_GRAPH_TRANSFORM_H_
#define PARE_GRAPH_TRANSFORM_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "nlohmann/json_fwd.hpp"

namespace pare::graph {

class Transform {
 public:
  virtual ~Transform() = default;

  // What kind of transform this is, in lower case; shown as the operator of its node: "pare::<type>".
  virtual std::string_view type() const = 0;

  // What it does, in a few words for people: "INT8 symmetric per channel". The default is type().
  virtual std::string describe() const;

  // The method that put it there and where that stands in the config, for messages: "rb_sparsity at $.compression[1]".
  // Empty: not known.
  const std::string& owner() const { return owner_; }
  void set_owner(std::string owner) { owner_ = std::move(owner); }

  // inputs[0] is the tensor that flows through; the others are the node's further inputs, in order. The result is
  // differentiable with respect to every input that is to be learned. May throw c10::Error: the model's forward turns
  // it into a status that names the node.
  virtual at::Tensor forward(at::ArrayRef<at::Tensor> inputs) = 0;

  // Everything that decides forward() and is no tensor. null: nothing.
  virtual nlohmann::json state() const;
  virtual absl::Status set_state(const nlohmann::json& state);

  // The axis of inputs[0] whose elements the further inputs of one dimension count: of a quantizer with a scale per
  // channel, the channels'. -1: there is none. Who takes channels out of inputs[0] takes the same out of those inputs.
  virtual int64_t channel_axis() const { return -1; }

 private:
  std::string owner_;
};

}  // namespace pare::graph

#endif  // PARE_GRAPH_TRANSFORM_H_
