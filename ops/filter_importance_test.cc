#include "ops/filter_importance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/cdist.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

TEST(FilterImportance, NormsAndDistancesAreAtens) {
  const at::Tensor base = at::randn({37, 6, 3, 2});
  for (const at::Tensor& weight : {base, base.contiguous(at::MemoryFormat::ChannelsLast), base.slice(3, 0, 1),
                                   base.to(at::kDouble), base.to(at::kHalf), base.to(at::kBFloat16)}) {
    for (const int64_t axis : {0, 1, 3}) {
      const at::Tensor filters = weight.transpose(0, axis).flatten(1).to(at::kDouble);
      const auto expect_near = [&](const at::Tensor& actual, const at::Tensor& expected) {
        EXPECT_EQ(actual.scalar_type(), at::kFloat);
        EXPECT_TRUE(at::allclose(actual.to(at::kDouble), expected, 1e-4, 1e-6)) << axis << ": " << actual << expected;
      };
      expect_near(filter_l1_norms(weight, axis), filters.norm(1, {1}));
      expect_near(filter_l2_norms(weight, axis), filters.norm(2, {1}));
      expect_near(filter_distance_sums(weight, axis), at::cdist(filters, filters, 2).sum(1));
    }
  }
}

// Of points on a line, the one in the middle is the closest to all.
TEST(FilterImportance, TheMedianFilterIsTheLeast) {
  const at::Tensor weight = at::tensor({-9.0f, 5.0f, 1.0f, 2.0f, 30.0f}).view({5, 1, 1, 1});
  const at::Tensor importance = filter_distance_sums(weight, 0);
  EXPECT_EQ(at::argmin(importance).item<int64_t>(), 3);
  EXPECT_EQ(importance[3].item<float>(), 11 + 3 + 1 + 28);
  // The norms would prune another one.
  EXPECT_EQ(at::argmin(filter_l1_norms(weight, 0)).item<int64_t>(), 2);
}

TEST(FilterImportance, NothingAndNan) {
  EXPECT_EQ(filter_distance_sums(at::zeros({0, 3}), 0).numel(), 0);
  EXPECT_EQ(filter_l2_norms(at::zeros({2, 0}), 0).sum().item<float>(), 0);
  const at::Tensor weight = at::zeros({2, 3});
  weight[1][2] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor norms = filter_l1_norms(weight, 0);
  EXPECT_EQ(norms[0].item<float>(), 0);
  EXPECT_TRUE(norms[1].isnan().item<bool>());
  EXPECT_TRUE(filter_distance_sums(weight, 0).isnan().all().item<bool>());
}

TEST(FilterImportance, RefusesWrongArguments) {
  const at::Tensor weight = at::zeros({2, 3});
  EXPECT_THROW(filter_l1_norms(weight, -1), c10::Error);
  EXPECT_THROW(filter_l2_norms(weight, 2), c10::Error);
  EXPECT_THROW(filter_distance_sums(at::Tensor(), 0), c10::Error);
  EXPECT_THROW(filter_l1_norms(weight.to(at::kLong), 0), c10::Error);
}

}  // namespace
}  // namespace pare::ops
