// Every operation on tensors of a CUDA device, which is a fake one (fake_cuda_device.h): what is computed is what it is
// on the CPU, results are where x is, and nothing is copied to the host but what is the host's.

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "ops/binarize.h"
#include "ops/codes.h"
#include "ops/fake_cuda_device.h"
#include "ops/fake_quantize.h"
#include "ops/filter_importance.h"
#include "ops/order_statistics.h"
#include "ops/quantizer_grid.h"
#include "ops/range_statistics.h"
#include "ops/rb_mask.h"
#include "ops/recomputed_input.h"
#include "ops/same_bits.h"
#include "ops/sparsity_masks.h"
#include "ops/weight_groups.h"

namespace pare::ops {
namespace {

using Tensors = std::vector<at::Tensor>;

// `run` on the CPU's tensors and on the device's.
void expect_same(const Tensors& arguments, bool waits, const std::function<Tensors(const Tensors&)>& run) {
  const auto moved = [&](bool to_device) {
    Tensors all;
    for (const at::Tensor& each : arguments) {
      const at::Tensor there = to_device ? to_fake_cuda(each) : each.detach().clone();
      all.push_back(at::isFloatingType(each.scalar_type()) ? there.requires_grad_() : there);
    }
    return all;
  };
  const Tensors on_host = run(moved(false)), inputs = moved(true);
  take_fake_cuda_waits();
  const Tensors on_device = run(inputs);
  if (!waits) {
    EXPECT_EQ(take_fake_cuda_waits(), 0);
  }
  ASSERT_EQ(on_device.size(), on_host.size());
  for (size_t i = 0; i < on_host.size(); ++i) {
    EXPECT_TRUE(on_device[i].is_cuda()) << "result " << i;
    EXPECT_TRUE(same_bits(from_fake_cuda(on_device[i]), on_host[i].detach())) << "result " << i;
  }
}

// y, and the gradients of the leaves for a gradient of y.
Tensors with_gradients(const at::Tensor& y, const at::Tensor& dy, const Tensors& leaves) {
  Tensors results = torch::autograd::grad({y}, leaves, {dy});
  results.push_back(y.detach());
  return results;
}

class CudaTensorsTest : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  CudaTensorsTest() { at::manual_seed(13); }

  const at::Tensor x_ = at::randn({6, 5, 4, 7}).to(GetParam()).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor dy_ = at::randn({6, 5, 4, 7}).to(GetParam());
  const at::Tensor one_ = at::rand({1}) + 0.5, five_ = at::randn({5});
};

TEST_P(CudaTensorsTest, FakeQuantization) {
  for (const GradientRule rule : {GradientRule::kExact, GradientRule::kNncf}) {
    for (const bool of_tensor : {true, false}) {
      const at::Tensor& parameter = of_tensor ? one_ : five_;
      const int64_t axis = of_tensor ? -1 : 1;
      expect_same({x_, parameter, dy_}, false, [&](const Tensors& all) {
        return with_gradients(fake_quantize_symmetric(all[0], all[1], -8, 7, axis, 1e-16, rule), all[2],
                              {all[0], all[1]});
      });
      expect_same({x_, parameter - 0.7, parameter, dy_}, false, [&](const Tensors& all) {
        return with_gradients(fake_quantize_asymmetric(all[0], all[1], all[2], 16, axis, 1e-16, rule), all[3],
                              {all[0], all[1], all[2]});
      });
    }
  }
}

TEST_P(CudaTensorsTest, Binarization) {
  expect_same({x_, dy_}, false,
              [](const Tensors& all) { return with_gradients(binarize_weights_xnor(all[0], 0), all[1], {all[0]}); });
  expect_same({x_, dy_}, false,
              [](const Tensors& all) { return with_gradients(binarize_weights_dorefa(all[0]), all[1], {all[0]}); });
  expect_same({x_, one_, five_, dy_}, false, [](const Tensors& all) {
    return with_gradients(binarize_activations(all[0], all[1], all[2], 1), all[3], {all[0], all[1], all[2]});
  });
}

TEST_P(CudaTensorsTest, Masks) {
  expect_same({x_, x_ + 1, dy_}, false, [](const Tensors& all) {
    return with_gradients(rb_sparsify(all[0], all[1], 3, 4, true), all[2], {all[0], all[1]});
  });
  expect_same({x_}, false, [](const Tensors& all) {
    const at::Tensor count = rb_active_count(all[0]);
    return Tensors{count, torch::autograd::grad({count}, {all[0]})[0]};
  });
  expect_same({x_, dy_}, false, [](const Tensors& all) {
    const at::Tensor mask = magnitude_mask(all[0], 0.3, 0.7);
    Tensors results = with_gradients(apply_mask(all[0], mask), all[1], {all[0]});
    results.push_back(mask);
    results.push_back(n_of_m_mask(all[0], 2, 4, 1));
    return results;
  });
  EXPECT_EQ(count_zeros(to_fake_cuda(at::zeros({7}).to(GetParam()))), 7);
  EXPECT_EQ(sparsity_level(to_fake_cuda(at::zeros({7}).to(GetParam()))), 1.0);
}

TEST_P(CudaTensorsTest, RecomputedInputs) {
  if (GetParam() == at::kHalf) GTEST_SKIP() << "LibTorch has no product of matrices of this type on the CPU";
  expect_same({at::randn({6, 8}).to(GetParam()), at::randn({3, 8}).to(GetParam()), one_, at::rand({3})}, false,
              [](const Tensors& all) {
                const at::Tensor y =
                    at::linear(fake_quantize_symmetric(all[0], all[2], -128, 127, -1, 1e-16, GradientRule::kExact),
                               fake_quantize_symmetric(all[1], all[3], -127, 127, 0, 1e-16, GradientRule::kExact));
                EXPECT_EQ(recompute_quantized_inputs(y), 2);
                return with_gradients(y, at::ones_like(y), all);
              });
}

TEST_P(CudaTensorsTest, Statistics) {
  expect_same({x_}, false, [](const Tensors& all) {
    const Extremes extremes = min_max(all[0], 1);
    const Moments moments = mean_variance(all[0], 1);
    const at::Tensor counts = empty_histogram(5, 37, all[0].device());
    add_to_histogram(all[0], 1, extremes.min / 2, extremes.max / 3, counts);
    return Tensors{extremes.min,
                   extremes.max,
                   abs_max(all[0], 0),
                   moments.mean,
                   moments.variance,
                   counts,
                   filter_l1_norms(all[0], 0),
                   filter_l2_norms(all[0], 1),
                   filter_distance_sums(all[0], 1)};
  });
}

TEST_P(CudaTensorsTest, OrderStatistics) {
  const at::Tensor other = at::randn({400});
  expect_same({x_}, true, [](const Tensors& all) {
    const MedianAndDeviation spread = median_absolute_deviation(all[0], 1);
    return Tensors{order_statistics(all[0], 1, {0, 3, 100}), percentile(all[0], -1, 99), spread.median,
                   spread.deviation};
  });
  for (const Importance importance : {Importance::kAbs, Importance::kNormedAbs}) {
    const MagnitudeThreshold host = magnitude_threshold({x_, other}, 0.5, importance);
    const MagnitudeThreshold device = magnitude_threshold({to_fake_cuda(x_), to_fake_cuda(other)}, 0.5, importance);
    EXPECT_EQ(device.threshold, host.threshold);
    EXPECT_EQ(device.scales, host.scales);
  }
  EXPECT_THROW(magnitude_threshold({x_, to_fake_cuda(other)}, 0.5, Importance::kAbs), c10::Error);
}

TEST_P(CudaTensorsTest, CodesAndGroups) {
  const auto parameters = *affine_parameters(symmetric_grid({0.5f}, -127, 127, 1e-16));
  expect_same({x_}, true, [&](const Tensors& all) {
    const Codes codes = quantize_to_codes(all[0], parameters, -1);
    return Tensors{codes.codes, dequantize_codes(codes.codes, parameters, -1)};
  });
  expect_same({at::randn({6, 70}).to(GetParam())}, true, [](const Tensors& all) {
    const CompressedWeight weight = compress_weight(all[0], backends::WeightFormat::kInt4Asymmetric, 16);
    EXPECT_GT(weight.mean_squared_error, 0);
    CompressedWeight scattered = weight;
    scattered.scales = at::empty(weight.scales.sizes(), at::TensorOptions(at::kMeta));
    EXPECT_THROW(decompress_weight(scattered, at::kFloat), c10::Error);
    return Tensors{weight.codes, weight.scales, weight.zero_points, decompress_weight(weight, at::kHalf)};
  });
}

TEST_P(CudaTensorsTest, AllTensorsOfAnOperationAreOnOneDevice) {
  const at::Tensor x = to_fake_cuda(x_), mask = at::ones(x_.sizes(), at::kBool);
  EXPECT_THROW(fake_quantize_symmetric(x, one_, -8, 7, -1, 0, GradientRule::kExact), c10::Error);
  EXPECT_THROW(fake_quantize_symmetric(x_, to_fake_cuda(one_), -8, 7, -1, 0, GradientRule::kExact), c10::Error);
  EXPECT_THROW(fake_quantize_asymmetric(x, to_fake_cuda(one_), one_, 16, -1, 0, GradientRule::kExact), c10::Error);
  EXPECT_THROW(binarize_activations(x, to_fake_cuda(one_), five_, 1), c10::Error);
  EXPECT_THROW(apply_mask(x, mask), c10::Error);
  EXPECT_THROW(rb_sparsify(x, x_, 1, 1, true), c10::Error);
  EXPECT_THROW(add_to_histogram(x, -1, to_fake_cuda(one_), to_fake_cuda(one_), empty_histogram(1, 4)), c10::Error);
}

TEST_P(CudaTensorsTest, TheFakeDeviceSeesWhatWaits) {
  const at::Tensor x = to_fake_cuda(x_);
  take_fake_cuda_waits();
  EXPECT_EQ((x + x).device(), x.device());
  EXPECT_EQ(take_fake_cuda_waits(), 0);
  EXPECT_EQ(x.select(0, 0).cpu().device(), at::Device(at::kCPU));
  EXPECT_EQ(take_fake_cuda_waits(), 1);
  EXPECT_GE(x.abs().sum().item<double>(), 0);
  EXPECT_EQ(take_fake_cuda_waits(), 1);
  count_zeros(x);
  EXPECT_EQ(take_fake_cuda_waits(), 1);
}

INSTANTIATE_TEST_SUITE_P(Types, CudaTensorsTest, ::testing::Values(at::kFloat, at::kHalf, at::kBFloat16),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

}  // namespace
}  // namespace pare::ops
