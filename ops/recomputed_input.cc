#include "ops/recomputed_input.h"

#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/saved_variable_hooks.h>

#include <memory>
#include <utility>

#include "ops/fake_quantize.h"

namespace pare::ops {
namespace {

using torch::autograd::Node;
using torch::autograd::SavedVariable;

// Stands for a tensor that is kept. The node that computed it runs its own backward later than the one that keeps it,
// so that what it needs is still there.
class Recomputed : public torch::autograd::SavedVariableHooks {
 public:
  explicit Recomputed(std::shared_ptr<Node> quantization) : quantization_(std::move(quantization)) {}
  void call_pack_hook(const at::Tensor&) override {}
  at::Tensor call_unpack_hook() override { return recompute_fake_quantize(*quantization_); }

 private:
  const std::shared_ptr<Node> quantization_;
};

// `producer`: of what `kept` holds.
int recompute(SavedVariable& kept, const torch::autograd::Edge& producer) {
  if (producer.function == nullptr || !is_fake_quantize(*producer.function)) return 0;
  // Some versions of LibTorch keep only what a gradient needs.
  if (!kept.unpack().defined()) return 0;
  kept.register_hooks(std::make_unique<Recomputed>(producer.function));
  return 1;
}

}  // namespace

int recompute_quantized_inputs(const at::Tensor& result) {
  Node* const node = result.defined() ? result.grad_fn().get() : nullptr;
  // The edges are those of the operator's arguments, in their order.
  if (auto* convolution = dynamic_cast<torch::autograd::generated::ConvolutionBackward0*>(node)) {
    return recompute(convolution->input_, node->next_edge(0)) + recompute(convolution->weight_, node->next_edge(1));
  }
  return 0;
}

}  // namespace pare::ops
