#include "ops/recomputed_input.h"

#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/generated/Functions.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/saved_variable_hooks.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/fake_quantize.h"

namespace pare::ops {
namespace {

using torch::autograd::Edge;
using torch::autograd::Node;
using torch::autograd::SavedVariable;
using torch::autograd::generated::AddmmBackward0;
using torch::autograd::generated::ConvolutionBackward0;
using torch::autograd::generated::MmBackward0;

// A std::shared_ptr, or with newer versions of LibTorch a c10::intrusive_ptr.
using NodePtr = decltype(Edge::function);

// Stands for a tensor that is kept: a quantizer's result, or a view of it, which has the same place in the result's
// memory when that is computed again. The node that computed it runs its own backward later than the one that keeps it,
// so that what it needs is still there.
class Recomputed : public torch::autograd::SavedVariableHooks {
 public:
  Recomputed(NodePtr quantization, const at::Tensor& kept)
      : quantization_(std::move(quantization)),
        sizes_(kept.sizes().vec()),
        strides_(kept.strides().vec()),
        offset_(kept.storage_offset()) {}

  void call_pack_hook(const at::Tensor&) override {}
  at::Tensor call_unpack_hook() override {
    const at::NoGradGuard no_grad;
    return recompute_fake_quantize(*quantization_).as_strided(sizes_, strides_, offset_);
  }

 private:
  const NodePtr quantization_;
  const std::vector<int64_t> sizes_, strides_;
  const int64_t offset_;
};

// Whether the node's result lies in its input's memory. By name, as versions of LibTorch differ in which there are.
bool is_view(const Node& node) {
  static constexpr std::array<std::string_view, 5> kNames = {
      "ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "TBackward0", "TransposeBackward0"};
  return std::find(kNames.begin(), kNames.end(), node.name()) != kNames.end();
}

NodePtr behind_views(NodePtr node) {
  while (node != nullptr && is_view(*node)) node = node->next_edge(0).function;
  return node;
}

// `producer`: of what `kept` holds.
int recompute(SavedVariable& kept, const Edge& producer) {
  const NodePtr quantization = behind_views(producer.function);
  if (quantization == nullptr || !is_fake_quantize(*quantization)) return 0;
  try {
    const at::Tensor tensor = kept.unpack();
    // Some versions of LibTorch keep only what a gradient needs.
    if (!tensor.defined()) return 0;
    kept.register_hooks(std::make_unique<Recomputed>(quantization, tensor));
  } catch (const c10::Error&) {
    // There are hooks already, ours or another's, or the graph has been freed: all stays as it is.
    return 0;
  }
  return 1;
}

}  // namespace

int recompute_quantized_inputs(const at::Tensor& result) {
  if (!result.defined()) return 0;
  // at::linear and at::matmul see their input as a matrix, and shape the product's result as the input was.
  const NodePtr node = behind_views(result.grad_fn());
  // The edges are those of the operator's arguments, in their order.
  if (auto* convolution = dynamic_cast<ConvolutionBackward0*>(node.get())) {
    return recompute(convolution->input_, node->next_edge(0)) + recompute(convolution->weight_, node->next_edge(1));
  }
  if (auto* product_and_sum = dynamic_cast<AddmmBackward0*>(node.get())) {
    return recompute(product_and_sum->mat1_, node->next_edge(1)) +
           recompute(product_and_sum->mat2_, node->next_edge(2));
  }
  if (auto* product = dynamic_cast<MmBackward0*>(node.get())) {
    return recompute(product->self_, node->next_edge(0)) + recompute(product->mat2_, node->next_edge(1));
  }
  return 0;
}

}  // namespace pare::ops
