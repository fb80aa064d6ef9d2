#include "ops/fake_quantize.h"

#include <ATen/core/grad_mode.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "ops/quantizer_grid.h"

namespace pare::ops {
namespace {

using torch::Tensor;

constexpr double kEps = 1e-16;
constexpr auto kExact = GradientRule::kExact;
constexpr auto kNncf = GradientRule::kNncf;

Tensor leaf(const Tensor& values) { return values.detach().clone().requires_grad_(); }

std::vector<float> numbers(const Tensor& x) {
  const Tensor flat = x.detach().to(torch::kFloat).contiguous().flatten();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

// The loss sum(weights * y) of a quantizer whose rounding errors are frozen at what they are for `step0`: the smooth
// function that the straight-through gradient is the gradient of. In double precision, for one x.
double smooth(double x, double step, double step0, double lowest, double highest) {
  if (x > step * highest) return step * highest;
  if (x < step * lowest) return step * lowest;
  const double error = std::nearbyint(x / step0) - x / step0;
  return step * (x / step + error);
}

double slope(const std::function<double(double)>& f, double at) {
  const double h = 1e-6 * std::max(1.0, std::fabs(at));
  return (f(at + h) - f(at - h)) / (2 * h);
}

// x with numbers inside and outside of [-1.0, 1.0] * 1.3, none within 1e-3 of an edge.
Tensor spread(at::IntArrayRef shape) { return torch::randn(shape) * 0.9 + 0.0123; }

class FakeQuantizeTest : public ::testing::Test {
 protected:
  void SetUp() override { torch::manual_seed(7); }
};

TEST_F(FakeQuantizeTest, ForwardByHand) {
  const Tensor x = torch::tensor({0.25, 0.75, -0.25, 0.3, 9.0, -9.0});
  // Levels -2 to 1, step 0.5.
  const Tensor y = fake_quantize_symmetric(x, torch::tensor({0.5}), -2, 1, -1, 0, kExact);
  EXPECT_EQ(numbers(y), (std::vector<float>{0, 0.5, 0, 0.5, 0.5, -1}));
  // [-0.5, 1] in 4 levels: the same step, zero at code 1.
  const Tensor z = fake_quantize_asymmetric(x, torch::tensor({-0.5}), torch::tensor({1.5}), 4, -1, 0, kExact);
  EXPECT_EQ(numbers(z), (std::vector<float>{0, 1, 0, 0.5, 1, -0.5}));
}

TEST_F(FakeQuantizeTest, SymmetricGradientsByFiniteDifferencesOfTheSmoothPart) {
  for (const auto& [low, high] : {std::pair<int64_t, int64_t>{-128, 127}, {-127, 127}, {0, 255}, {-8, 7}, {0, 15}}) {
    for (const double scale0 : {1.3, -0.7}) {
      const Tensor x = leaf(spread({4, 50})), weights = torch::randn({4, 50});
      const Tensor scale = leaf(torch::tensor({scale0}));
      (fake_quantize_symmetric(x, scale, low, high, -1, kEps, kExact) * weights).sum().backward();
      const std::vector<float> xs = numbers(x), ws = numbers(weights);
      const double step0 = symmetric_grid({static_cast<float>(scale0)}, low, high, kEps).step[0];
      const auto loss = [&, low = low, high = high](double parameter) {
        double sum = 0;
        for (size_t i = 0; i < xs.size(); ++i)
          sum += ws[i] * smooth(xs[i], std::fabs(parameter) / high, step0, low, high);
        return sum;
      };
      EXPECT_NEAR(scale.grad().item<double>(), slope(loss, scale.item<float>()), 2e-4) << low << " " << scale0;
      const std::vector<float> dx = numbers(x.grad());
      for (size_t i = 0; i < xs.size(); ++i) {
        const auto y = [&, low = low, high = high](double at) {
          // Rounding as the identity, so the smooth function of x is a clamp.
          return std::min(std::max(at, step0 * low), step0 * high);
        };
        ASSERT_NEAR(dx[i], ws[i] * slope(y, xs[i]), 1e-5) << xs[i];
      }
    }
  }
}

TEST_F(FakeQuantizeTest, AsymmetricGradientsByFiniteDifferencesOfTheSmoothPart) {
  struct Range {
    float low, range;
  };
  // With zero inside, at either end, and outside on either side.
  for (const Range r : {Range{-0.6f, 1.5f}, {-1.2f, 1.3f}, {-0.8f, -1.9f}, {0.2f, 0.9f}, {-1.5f, 0.9f}}) {
    for (const int64_t levels : {256, 16}) {
      const Tensor x = leaf(spread({400})), weights = torch::randn({400});
      const Tensor low = leaf(torch::tensor({r.low})), range = leaf(torch::tensor({r.range}));
      (fake_quantize_asymmetric(x, low, range, levels, -1, 0, kExact) * weights).sum().backward();
      const QuantizerGrid grid = asymmetric_grid({r.low}, {r.range}, levels, 0);
      const std::vector<float> xs = numbers(x), ws = numbers(weights);
      // The range as the parameters move it, before tuning; tuning adds what it added at first.
      const double n = static_cast<double>(levels - 1);
      const auto ends = [](double a, double b) { return std::pair{std::min(a, 0.0), std::max(a + std::fabs(b), 0.0)}; };
      const auto [first_low, first_high] = ends(r.low, r.range);
      const double tuned_low = double{grid.step[0]} * grid.lowest[0], tuned_range = grid.range[0];
      const double low_shift = tuned_low - first_low, range_shift = tuned_range - (first_high - first_low);
      const auto loss = [&](double a, double b) {
        const auto [end_low, end_high] = ends(a, b);
        const double new_low = end_low + low_shift, new_range = end_high - end_low + range_shift;
        double sum = 0;
        for (size_t i = 0; i < xs.size(); ++i) {
          const double at = xs[i];
          double y;
          if (at > tuned_low + tuned_range) {
            y = new_low + new_range;
          } else if (at < tuned_low) {
            y = new_low;
          } else {  // (x - low) / step + error levels above low, with the rounding error frozen.
            const double error = std::nearbyint(at * n / tuned_range) - at * n / tuned_range;
            y = new_low + new_range / n * ((at - new_low) * n / new_range + error);
          }
          sum += ws[i] * y;
        }
        return sum;
      };
      EXPECT_NEAR(low.grad().item<double>(), slope([&](double a) { return loss(a, r.range); }, r.low), 1e-3)
          << r.low << " " << r.range;
      EXPECT_NEAR(range.grad().item<double>(), slope([&](double b) { return loss(r.low, b); }, r.range), 1e-3)
          << r.low << " " << r.range;
    }
  }
}

// METHODS' formulas, written out with ATen's operators in double precision.
TEST_F(FakeQuantizeTest, NncfGradientsAreItsFormulas) {
  const Tensor x = leaf(spread({3, 4, 20})), weights = torch::randn({3, 4, 20}).to(torch::kDouble);
  const Tensor scale = leaf(torch::tensor({0.5, 1.0, 1.5, 0.9}));
  const Tensor y = fake_quantize_symmetric(x, scale, -8, 7, 1, kEps, kNncf);
  (y.to(torch::kDouble) * weights).sum().backward();
  const Tensor s = scale.detach().to(torch::kDouble).view({1, 4, 1}), xd = x.detach().to(torch::kDouble);
  const Tensor low = s * (-8.0 / 7.0), range = s - low;
  const Tensor above = xd > low + range, below = xd < low, inside = ~above & ~below;
  const Tensor terms =
      weights * ((y.detach().to(torch::kDouble) - xd) / range * inside + 1.0 * above + (-8.0 / 7.0) * below);
  EXPECT_TRUE(torch::allclose(scale.grad().to(torch::kDouble), terms.sum(torch::IntArrayRef({0, 2})), 1e-4, 1e-5));
  EXPECT_TRUE(torch::equal(x.grad(), (weights * inside).to(torch::kFloat)));
}

TEST_F(FakeQuantizeTest, RulesDifferByTheInsideTermOnly) {
  const Tensor x = spread({100}).clamp(-0.9, 0.9);
  const Tensor exact = leaf(torch::tensor({1.0})), nncf = leaf(torch::tensor({1.0}));
  fake_quantize_symmetric(x, exact, -127, 127, -1, kEps, kExact).sum().backward();
  fake_quantize_symmetric(x, nncf, -127, 127, -1, kEps, kNncf).sum().backward();
  EXPECT_NE(exact.grad().item<float>(), 0);
  EXPECT_FLOAT_EQ(exact.grad().item<float>(), 2 * nncf.grad().item<float>());
}

TEST_F(FakeQuantizeTest, EachChannelIsATensorOfItsOwn) {
  for (const int64_t axis : {0, 1, 2}) {
    const Tensor x = leaf(spread({3, 5, 7})), weights = torch::randn({3, 5, 7});
    const int64_t channels = x.size(axis);
    const Tensor low = leaf(-torch::rand({channels}) - 0.1), range = leaf(torch::rand({channels}) + 1.2);
    const Tensor y = fake_quantize_asymmetric(x, low, range, 16, axis, kEps, kExact);
    (y * weights).sum().backward();
    for (int64_t c = 0; c < channels; ++c) {
      const Tensor xc = leaf(x.select(axis, c)), lc = leaf(low[c]), rc = leaf(range[c]);
      const Tensor yc = fake_quantize_asymmetric(xc, lc, rc, 16, -1, kEps, kExact);
      (yc * weights.select(axis, c)).sum().backward();
      EXPECT_TRUE(torch::equal(yc, y.select(axis, c)));
      EXPECT_TRUE(torch::equal(xc.grad(), x.grad().select(axis, c)));
      EXPECT_TRUE(torch::allclose(lc.grad(), low.grad()[c], 1e-4, 1e-5));
      EXPECT_TRUE(torch::allclose(rc.grad(), range.grad()[c], 1e-4, 1e-5));
    }
  }
}

TEST_F(FakeQuantizeTest, StridesDoNotMatter) {
  const Tensor base = spread({4, 6, 5, 3}), scale = torch::rand({6}) + 0.2, weights = torch::randn({4, 6, 5, 3});
  const auto run = [&](const Tensor& x) {
    const Tensor input = x.detach().requires_grad_(), s = leaf(scale);
    const Tensor y = fake_quantize_symmetric(input, s, -8, 7, 1, kEps, kExact);
    (y * weights).sum().backward();
    return std::vector<Tensor>{y.detach(), input.grad(), s.grad()};
  };
  const std::vector<Tensor> expected = run(base);
  for (const Tensor& x :
       {base.contiguous(at::MemoryFormat::ChannelsLast), base.permute({3, 1, 0, 2}).contiguous().permute({2, 1, 3, 0}),
        torch::cat({base, base}, 3).slice(3, 0, 3), torch::cat({base, base}, 1).slice(1, 6, 12)}) {
    ASSERT_TRUE(torch::equal(x, base));
    const std::vector<Tensor> actual = run(x);
    EXPECT_TRUE(torch::equal(actual[0], expected[0]));
    EXPECT_TRUE(torch::equal(actual[1], expected[1]));
    EXPECT_TRUE(torch::allclose(actual[2], expected[2], 1e-4, 1e-5));
  }
  const Tensor last =
      fake_quantize_symmetric(base.contiguous(at::MemoryFormat::ChannelsLast), scale, -8, 7, 1, 0, kExact);
  EXPECT_TRUE(last.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST_F(FakeQuantizeTest, AnExpandedGradientIsTaken) {
  const Tensor x = leaf(spread({4, 6})), scale = leaf(torch::tensor({1.0}));
  fake_quantize_symmetric(x, scale, -8, 7, -1, kEps, kExact).sum().backward();  // The gradient has strides of zero.
  EXPECT_TRUE(torch::equal(x.grad(), ((x >= -8.0 / 7) & (x <= 1)).to(torch::kFloat)));
}

TEST_F(FakeQuantizeTest, OtherTypesAreComputedInFloat) {
  const Tensor x = spread({3, 8}), scale = torch::tensor({0.8});
  const Tensor expected = fake_quantize_symmetric(x, scale, -8, 7, -1, kEps, kExact);
  for (const auto type : {torch::kDouble, torch::kHalf, torch::kBFloat16}) {
    const Tensor input = leaf(x.to(type)), s = leaf(scale.to(torch::kDouble));
    const Tensor y = fake_quantize_symmetric(input, s, -8, 7, -1, kEps, kExact);
    EXPECT_EQ(y.scalar_type(), type);
    if (type == torch::kDouble) {
      EXPECT_TRUE(torch::equal(y.to(torch::kFloat), expected));
    }
    y.sum().backward();
    EXPECT_EQ(input.grad().scalar_type(), type);
    EXPECT_EQ(s.grad().scalar_type(), torch::kDouble);
  }
}

// Half precision goes to the kernels as it is: y and dx are those of the same numbers in float32, rounded once.
TEST_F(FakeQuantizeTest, HalfPrecisionIsThatOfItsNumbersInFloat) {
  const Tensor low = -torch::rand({5}), range = torch::rand({5}) + 0.5;
  for (const auto type : {torch::kHalf, torch::kBFloat16}) {
    for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const Tensor numbers = spread({3, 5, 7, 9}).to(type).contiguous(format);
      const Tensor weights = torch::randn({3, 5, 7, 9}).to(type);
      for (const bool symmetric : {true, false}) {
        const auto run = [&](torch::ScalarType run_type) {
          const Tensor x = leaf(numbers.to(run_type)), first = leaf(symmetric ? range : low), second = leaf(range);
          const Tensor y = symmetric ? fake_quantize_symmetric(x, first, -8, 7, 1, kEps, kExact)
                                     : fake_quantize_asymmetric(x, first, second, 16, 1, kEps, kExact);
          EXPECT_EQ(y.grad_fn()->name().find("ToCopy"), std::string::npos) << "nothing is converted";
          y.backward(weights.to(run_type));
          return std::vector<Tensor>{y.detach(), x.grad(), first.grad(), symmetric ? first.grad() : second.grad()};
        };
        const std::vector<Tensor> half = run(type), single = run(torch::kFloat);
        for (const size_t i : {0, 1}) {
          EXPECT_EQ(half[i].scalar_type(), type);
          EXPECT_TRUE(torch::equal(half[i], single[i].to(type))) << i;
        }
        for (const size_t i : {2, 3}) {
          EXPECT_EQ(half[i].scalar_type(), torch::kFloat);
          EXPECT_TRUE(torch::allclose(half[i], single[i], 1e-4, 1e-5)) << i;
        }
      }
    }
  }
}

TEST_F(FakeQuantizeTest, GradientsHaveTheParametersShape) {
  const Tensor x = leaf(spread({4, 3, 2, 2})), scale = leaf(torch::ones({4, 1, 1, 1}));
  fake_quantize_symmetric(x, scale, -8, 7, 0, kEps, kExact).sum().backward();
  EXPECT_EQ(scale.grad().sizes(), scale.sizes());
}

TEST_F(FakeQuantizeTest, OnlyWhatIsAskedForIsComputed) {
  const Tensor frozen = torch::tensor({1.0}), x = leaf(spread({9}));
  fake_quantize_symmetric(x, frozen, -8, 7, -1, kEps, kExact).sum().backward();
  EXPECT_TRUE(x.grad().defined());
  const Tensor data = spread({9}), scale = leaf(torch::tensor({1.0}));
  fake_quantize_symmetric(data, scale, -8, 7, -1, kEps, kExact).sum().backward();
  EXPECT_TRUE(scale.grad().defined());
  EXPECT_FALSE(data.grad().defined());
}

TEST_F(FakeQuantizeTest, WithoutGradientsNothingIsKept) {
  const Tensor x = leaf(spread({9})), scale = leaf(torch::tensor({1.0}));
  const auto uses = x.use_count();
  torch::NoGradGuard guard;
  const Tensor y = fake_quantize_symmetric(x, scale, -8, 7, -1, kEps, kExact);
  EXPECT_FALSE(y.requires_grad());
  EXPECT_EQ(y.grad_fn(), nullptr);
  EXPECT_EQ(x.use_count(), uses);
}

TEST_F(FakeQuantizeTest, EmptyTensors) {
  for (const auto& shape : {std::vector<int64_t>{0}, {0, 3}, {3, 0}, {2, 3, 0}}) {
    const Tensor x = leaf(torch::empty(shape)), scale = leaf(torch::tensor({1.0}));
    const Tensor y = fake_quantize_symmetric(x, scale, -8, 7, -1, kEps, kExact);
    EXPECT_EQ(y.sizes(), x.sizes());
    y.sum().backward();
    EXPECT_EQ(scale.grad().item<float>(), 0);
  }
  const Tensor x = leaf(torch::empty({0, 3})), scale = leaf(torch::ones({3}));
  fake_quantize_symmetric(x, scale, -8, 7, 1, kEps, kExact).sum().backward();
  EXPECT_TRUE(torch::equal(scale.grad(), torch::zeros({3})));
}

TEST_F(FakeQuantizeTest, NanAndInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const Tensor x = leaf(torch::tensor({nan, infinity, -infinity, 0.0f})), scale = leaf(torch::tensor({1.0}));
  const Tensor y = fake_quantize_symmetric(x, scale, -127, 127, -1, kEps, kExact);
  EXPECT_TRUE(std::isnan(y[0].item<float>()));
  EXPECT_EQ(numbers(y.slice(0, 1)), (std::vector<float>{1, -1, 0}));
  y.sum().backward();
  EXPECT_TRUE(std::isnan(scale.grad().item<float>()));
  EXPECT_TRUE(std::isnan(
      fake_quantize_symmetric(torch::zeros({1}), torch::tensor({nan}), -127, 127, -1, kEps, kExact).item<float>()));
}

TEST_F(FakeQuantizeTest, RefusesWrongArguments) {
  const Tensor x = torch::zeros({2, 3}), one = torch::ones({1});
  const auto symmetric = [&](const Tensor& input, const Tensor& scale, int64_t low, int64_t high, int64_t axis,
                             double eps) { fake_quantize_symmetric(input, scale, low, high, axis, eps, kExact); };
  EXPECT_THROW(symmetric(x, torch::ones({2}), -8, 7, -1, 0), c10::Error);
  EXPECT_THROW(symmetric(x, one, -8, 7, 1, 0), c10::Error);
  EXPECT_THROW(symmetric(x, one, -8, 7, 2, 0), c10::Error);
  EXPECT_THROW(symmetric(x, one, 1, 7, -1, 0), c10::Error);
  EXPECT_THROW(symmetric(x, one, -8, 0, -1, 0), c10::Error);
  EXPECT_THROW(symmetric(x, one, -8, 7, -1, -1), c10::Error);
  EXPECT_THROW(symmetric(x, Tensor(), -8, 7, -1, 0), c10::Error);
  EXPECT_THROW(symmetric(Tensor(), one, -8, 7, -1, 0), c10::Error);
  EXPECT_THROW(symmetric(torch::zeros({2}, torch::kLong), one, -8, 7, -1, 0), c10::Error);
  EXPECT_THROW(fake_quantize_asymmetric(x, one, torch::ones({2}), 256, -1, 0, kExact), c10::Error);
  EXPECT_THROW(fake_quantize_asymmetric(x, one, one, 1, -1, 0, kExact), c10::Error);
}

TEST_F(FakeQuantizeTest, ASecondDerivativeIsRefusedNotZero) {
  const Tensor x = leaf(spread({9})), scale = leaf(torch::tensor({1.0}));
  const Tensor y = fake_quantize_symmetric(x, scale, -8, 7, -1, kEps, kExact).sum();
  EXPECT_THROW(torch::autograd::grad({y}, {x}, {}, true, true), c10::Error);
}

TEST_F(FakeQuantizeTest, EqualsAtensOwnOperator) {
  const Tensor x = spread({4, 6, 50});
  const auto expect_same_levels = [](const Tensor& ours, const Tensor& theirs, const Tensor& input, double step) {
    const Tensor differ = ours != theirs;
    // Only halfway between two levels may one round otherwise.
    const Tensor position = (input / step).to(torch::kDouble);
    const Tensor tie = ((position - position.floor()) - 0.5).abs() < 1e-3;
    EXPECT_TRUE((~differ | tie).all().item<bool>());
    EXPECT_LT(differ.sum().item<int64_t>(), 3);
  };
  const AffineParameters s = *affine_parameters(symmetric_grid({1.1f}, -128, 127, kEps));
  expect_same_levels(fake_quantize_symmetric(x, torch::tensor({1.1f}), -128, 127, -1, kEps, kExact),
                     at::fake_quantize_per_tensor_affine(x, s.scale[0], s.zero_point[0], s.code_low, s.code_high), x,
                     s.scale[0]);
  const AffineParameters a = *affine_parameters(asymmetric_grid({-0.7f}, {1.9f}, 256, kEps));
  EXPECT_GT(a.zero_point[0], 0);
  expect_same_levels(fake_quantize_asymmetric(x, torch::tensor({-0.7f}), torch::tensor({1.9f}), 256, -1, kEps, kExact),
                     at::fake_quantize_per_tensor_affine(x, a.scale[0], a.zero_point[0], a.code_low, a.code_high), x,
                     a.scale[0]);
  const std::vector<float> scales = {0.3f, 0.6f, 0.9f, 1.2f, 1.5f, 1.8f};
  const AffineParameters c = *affine_parameters(symmetric_grid(scales, -8, 7, kEps));
  const Tensor ours = fake_quantize_symmetric(x, torch::tensor(scales), -8, 7, 1, kEps, kExact);
  const Tensor theirs = at::fake_quantize_per_channel_affine(x, torch::tensor(c.scale),
                                                             torch::tensor(c.zero_point).to(torch::kInt), 1, -8, 7);
  for (int64_t i = 0; i < 6; ++i) {
    expect_same_levels(ours.select(1, i), theirs.select(1, i), x.select(1, i), c.scale[i]);
  }
}

TEST_F(FakeQuantizeTest, AnOptimizerFindsTheRange) {
  const Tensor x = torch::randn({4096}), scale = leaf(torch::tensor({6.0}));
  torch::optim::Adam optimizer({scale}, 0.05);
  const auto loss = [&] { return (fake_quantize_symmetric(x, scale, -4, 3, -1, kEps, kExact) - x).pow(2).mean(); };
  const double first = loss().item<double>();
  for (int step = 0; step < 150; ++step) {
    optimizer.zero_grad();
    loss().backward();
    optimizer.step();
  }
  EXPECT_LT(loss().item<double>(), 0.25 * first);
  // Three bits of a normal distribution: the best step is near 0.586 (Max 1960), so the scale near 3 * 0.586.
  EXPECT_NEAR(scale.item<float>(), 1.76, 0.25);
}

}  // namespace
}  // namespace pare::ops
