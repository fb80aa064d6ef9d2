// Every operation with the arithmetic of CPU tensors, by loops on the host, and with that of other devices, by
// LibTorch's operators: the same bits.

#include "ops/channel_arithmetic.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <vector>

#include "gtest/gtest.h"
#include "ops/binarize.h"
#include "ops/fake_quantize.h"
#include "ops/filter_importance.h"
#include "ops/range_statistics.h"
#include "ops/rb_mask.h"
#include "ops/recomputed_input.h"
#include "ops/same_bits.h"
#include "ops/sparsity_masks.h"

namespace pare::ops {
namespace {

using Tensors = std::vector<at::Tensor>;

void expect_same_bits(const std::function<Tensors()>& run) {
  const Tensors host = run();
  const ScopedTensorArithmetic scope;
  const Tensors tensors = run();
  ASSERT_EQ(tensors.size(), host.size());
  for (size_t i = 0; i < host.size(); ++i) EXPECT_TRUE(same_bits(tensors[i], host[i])) << "result " << i;
}

// y, and the gradients of the leaves for a gradient of y.
Tensors with_gradients(const at::Tensor& y, const at::Tensor& dy, const Tensors& leaves) {
  Tensors results = torch::autograd::grad({y}, leaves, {dy.to(y.scalar_type())});
  results.push_back(y.detach());
  return results;
}

constexpr at::ScalarType kTypes[] = {at::kFloat, at::kHalf, at::kBFloat16};

class ChannelArithmeticTest : public ::testing::Test {
 protected:
  ChannelArithmeticTest() { at::manual_seed(11); }

  const at::Tensor x_ = at::randn({6, 5, 4, 7}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor dy_ = at::randn({6, 5, 4, 7});
};

TEST_F(ChannelArithmeticTest, IsTheHostsForTheCpuAlone) {
  EXPECT_TRUE(computes_on_host(x_));
  EXPECT_FALSE(computes_on_host(at::empty({1}, at::TensorOptions(at::kMeta))));
  {
    const ScopedTensorArithmetic outer;
    { const ScopedTensorArithmetic inner; }
    EXPECT_FALSE(computes_on_host(x_));
  }
  EXPECT_TRUE(computes_on_host(x_));
}

TEST_F(ChannelArithmeticTest, SumsOfRowsAreTreesInDouble) {
  for (const int64_t columns : {0, 1, 2, 3, 5, 8, 1000, 1023}) {
    const at::Tensor numbers = at::randn({3, columns});
    expect_same_bits([&] { return Tensors{sums_of_rows(numbers)}; });
    EXPECT_TRUE(at::allclose(sums_of_rows(numbers), numbers.to(at::kDouble).sum(1), 1e-12, 1e-12));
  }
  // (2^53 + 1) + (1 + -2^53): what comes from the second half goes to the first.
  const at::Tensor one = at::tensor({9007199254740992.0f, 1.0f, 1.0f, -9007199254740992.0f}).view({1, 4});
  EXPECT_EQ(sums_of_rows(one)[0].item<double>(), 9007199254740992.0 + 1 + (1 - 9007199254740992.0));
}

TEST_F(ChannelArithmeticTest, FakeQuantization) {
  for (const auto type : kTypes) {
    for (const int64_t axis : {-1, 1}) {
      const std::vector<int64_t> shape = axis < 0 ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 5, 1, 1};
      const at::Tensor x = x_.to(type).requires_grad_();
      const at::Tensor scale = at::randn(shape).requires_grad_(), low = at::randn(shape).requires_grad_();
      const at::Tensor wide = at::randn(shape).to(at::kDouble).requires_grad_();
      for (const GradientRule rule : {GradientRule::kExact, GradientRule::kNncf}) {
        expect_same_bits([&] {
          return with_gradients(fake_quantize_symmetric(x, scale, -8, 7, axis, 1e-16, rule), dy_, {x, scale});
        });
        expect_same_bits([&] {
          return with_gradients(fake_quantize_asymmetric(x, low, wide, 16, axis, 1e-16, rule), dy_, {x, low, wide});
        });
      }
    }
  }
}

TEST_F(ChannelArithmeticTest, Binarization) {
  for (const auto type : kTypes) {
    const at::Tensor x = x_.to(type).requires_grad_();
    expect_same_bits([&] { return with_gradients(binarize_weights_xnor(x, 0), dy_, {x}); });
    expect_same_bits([&] { return with_gradients(binarize_weights_dorefa(x), dy_, {x}); });
    const at::Tensor scale = at::full({1}, 0.7).requires_grad_();
    for (const int64_t axis : {-1, 1}) {
      const at::Tensor threshold = at::rand({axis < 0 ? 1 : 5}).requires_grad_();
      expect_same_bits([&] {
        return with_gradients(binarize_activations(x, scale, threshold, axis), dy_, {x, scale, threshold});
      });
    }
  }
}

TEST_F(ChannelArithmeticTest, Masks) {
  for (const auto type : kTypes) {
    const at::Tensor x = x_.to(type).requires_grad_(), logits = at::randn(x_.sizes()).requires_grad_();
    expect_same_bits([&] { return with_gradients(rb_sparsify(x, logits, 3, 4, true), dy_, {x, logits}); });
    expect_same_bits([&] { return Tensors{rb_active_count(logits.detach().to(type))}; });
    expect_same_bits([&] {
      const at::Tensor mask = magnitude_mask(x, 0.3, 0.7);
      return with_gradients(apply_mask(x, mask), dy_, {x});
    });
    expect_same_bits([&] { return Tensors{n_of_m_mask(x, 2, 4, 1)}; });
  }
}

TEST_F(ChannelArithmeticTest, RecomputedInputs) {
  const at::Tensor x = x_.detach().requires_grad_(), weight = at::randn({3, 5, 3, 3}).requires_grad_();
  const at::Tensor scale = at::full({1}, 1.5).requires_grad_(), scales = at::rand({3}).requires_grad_();
  expect_same_bits([&] {
    const at::Tensor y = at::conv2d(fake_quantize_symmetric(x, scale, -128, 127, -1, 1e-16, GradientRule::kExact),
                                    fake_quantize_symmetric(weight, scales, -127, 127, 0, 1e-16, GradientRule::kExact));
    EXPECT_EQ(recompute_quantized_inputs(y), 2);
    return with_gradients(y, at::ones_like(y), {x, weight, scale, scales});
  });
}

TEST_F(ChannelArithmeticTest, Statistics) {
  for (const auto type : kTypes) {
    const at::Tensor x = x_.to(type);
    expect_same_bits([&] { return Tensors{filter_distance_sums(x, 1)}; });
    expect_same_bits([&] {
      const Extremes extremes = min_max(x, 1);
      const at::Tensor counts = empty_histogram(5, 37);
      add_to_histogram(x, 1, extremes.min / 2, extremes.max / 3, counts);
      add_to_histogram(x, 1, extremes.max, extremes.max, counts);
      return Tensors{counts};
    });
  }
}

}  // namespace
}  // namespace pare::ops
