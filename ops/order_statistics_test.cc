#include "ops/order_statistics.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "ops/sparsity_masks.h"

namespace pare::ops {
namespace {

TEST(OrderStatistics, RanksEqualASort) {
  const at::Tensor x = at::randn({3, 5, 11});
  const at::Tensor expected = std::get<0>(x.transpose(0, 1).reshape({5, 33}).sort(1));
  const at::Tensor selected = order_statistics(x, 1, {0, 7, 32});
  for (int64_t c = 0; c < 5; ++c) {
    EXPECT_EQ(selected[c][0].item<float>(), expected[c][0].item<float>());
    EXPECT_EQ(selected[c][1].item<float>(), expected[c][7].item<float>());
    EXPECT_EQ(selected[c][2].item<float>(), expected[c][32].item<float>());
  }
}

TEST(OrderStatistics, PercentilesEqualLibTorchsQuantile) {
  // Large enough for the way that begins with a sample.
  for (const int64_t size : {101, 200'000}) {
    const at::Tensor x = at::randn({size});
    for (const double percent : {0.0, 0.1, 37.5, 50.0, 99.9, 100.0}) {
      // In double: in float32, LibTorch rounds the position as well.
      const auto expected = at::quantile(x.to(at::kDouble), percent / 100).item<float>();
      EXPECT_FLOAT_EQ(percentile(x, -1, percent).item<float>(), expected) << percent;
    }
  }
}

TEST(OrderStatistics, AnyOrderOfDimensionsAndType) {
  const at::Tensor x = at::randn({4, 3, 6, 6});
  const at::Tensor expected = percentile(x, 1, 90);
  EXPECT_TRUE(percentile(x.contiguous(at::MemoryFormat::ChannelsLast), 1, 90).equal(expected));
  EXPECT_TRUE(percentile(x.to(at::kDouble), 1, 90).equal(expected));
}

TEST(OrderStatistics, MedianAndItsDeviation) {
  const at::Tensor x = at::randn({101});
  const auto [median, deviation] = median_absolute_deviation(x, -1);
  EXPECT_EQ(median.item<float>(), x.median().item<float>());
  EXPECT_EQ(deviation.item<float>(), (x - x.median()).abs().median().item<float>());
  const MedianAndDeviation padded = median_absolute_deviation(at::cat({x, at::zeros({300})}), -1, true);
  EXPECT_EQ(padded.median.item<float>(), median.item<float>());
  EXPECT_EQ(padded.deviation.item<float>(), deviation.item<float>());
}

// How many numbers of all the weights the masks of this threshold keep.
int64_t count_kept(const std::vector<at::Tensor>& weights, const MagnitudeThreshold& found) {
  int64_t kept = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    kept += magnitude_mask(weights[i], found.threshold, found.scales[i]).sum().item<int64_t>();
  }
  return kept;
}

int64_t rank_of(int64_t size, double level) { return static_cast<int64_t>(static_cast<double>(size - 1) * level); }

TEST(OrderStatistics, ThresholdOfAllLayers) {
  const at::Tensor a = at::randn({100, 20}), b = 3 * at::randn({77, 3, 3});
  const auto at_level = [](const at::Tensor& importances, double level) {
    const at::Tensor sorted = std::get<0>(importances.sort());
    return sorted[rank_of(sorted.numel(), level)].item<float>();
  };
  for (const double level : {0.0, 0.5, 0.97}) {
    const MagnitudeThreshold plain = magnitude_threshold({a, b}, level, Importance::kAbs);
    EXPECT_EQ(plain.threshold, at_level(at::cat({a.abs().flatten(), b.abs().flatten()}), level));
    EXPECT_EQ(plain.scales, (std::vector<float>{1, 1}));
    const MagnitudeThreshold normed = magnitude_threshold({a, b}, level, Importance::kNormedAbs);
    EXPECT_NEAR(normed.threshold,
                at_level(at::cat({(a.abs() / a.norm()).flatten(), (b.abs() / b.norm()).flatten()}), level), 1e-6);
    EXPECT_NEAR(normed.scales[0], 1 / a.norm().item<float>(), 1e-6);
    EXPECT_NEAR(normed.scales[1], 1 / b.norm().item<float>(), 1e-6);
  }
}

// Three layers of norms that are no powers of two, so that every product rounds: a threshold that did not come with
// its scales would keep one weight too many or too few here and there.
TEST(OrderStatistics, MasksKeepExactlyWhatIsAboveTheThreshold) {
  at::manual_seed(11);
  const std::vector<at::Tensor> weights = {at::randn({64, 32, 3, 3}), 0.07 * at::randn({300, 70}),
                                           13 * at::randn({5, 1001})};
  for (const auto importance : {Importance::kAbs, Importance::kNormedAbs}) {
    for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
      std::vector<at::Tensor> typed, importances;
      for (const at::Tensor& weight : weights) typed.push_back(weight.to(type));
      for (const double level : {0.0, 0.1, 0.5, 0.9, 0.999, 1.0}) {
        const MagnitudeThreshold found = magnitude_threshold(typed, level, importance);
        importances.clear();
        for (size_t i = 0; i < typed.size(); ++i) {
          importances.push_back((typed[i].to(at::kFloat).abs() * found.scales[i]).flatten());
        }
        const at::Tensor sorted = std::get<0>(at::cat(importances).sort());
        const int64_t rank = rank_of(sorted.numel(), level);
        EXPECT_EQ(found.threshold, sorted[rank].item<float>());
        EXPECT_EQ(count_kept(typed, found), (sorted > found.threshold).sum().item<int64_t>());
        // In half precision many importances are equal.
        if (type == at::kFloat) {
          EXPECT_NEAR(count_kept(typed, found), sorted.numel() - rank - 1, 2) << level;
        }
      }
    }
  }
}

TEST(OrderStatistics, EqualImportancesGoTogether) {
  // Norms 5 and 10: importances 0.6, 0.8 and 0.1 a hundred times; by magnitude 1 lies below 3 and 4.
  const std::vector<at::Tensor> weights = {at::cat({at::full({1}, 3.0f), at::full({1}, -4.0f)}),
                                           at::full({10, 10}, -1.0f)};
  for (const auto importance : {Importance::kAbs, Importance::kNormedAbs}) {
    const auto kept = [&](double level) {
      return count_kept(weights, magnitude_threshold(weights, level, importance));
    };
    for (const double level : {0.0, 0.3, 0.5, 99.0 / 101}) EXPECT_EQ(kept(level), 2) << level;
    EXPECT_EQ(kept(100.5 / 101), 1);
    EXPECT_EQ(kept(1), 0);
  }
  // Ties across layers: each layer is the other one times a power of two, so that all importances are pairs.
  const at::Tensor base = at::randn({501});
  const std::vector<at::Tensor> twins = {base, 4 * base};
  const MagnitudeThreshold middle = magnitude_threshold(twins, 0.5, Importance::kNormedAbs);
  EXPECT_EQ(count_kept(twins, middle), 500) << "index 500 of 1002 is the first of the pair 250";
  EXPECT_TRUE(magnitude_mask(twins[0], middle.threshold, middle.scales[0])
                  .equal(magnitude_mask(twins[1], middle.threshold, middle.scales[1])));
}

TEST(OrderStatistics, ALayerOfZerosIsRemovedWhole) {
  const std::vector<at::Tensor> weights = {at::zeros({50}), at::full({4}, 1e-40f), at::full({2}, 1.0f)};
  const MagnitudeThreshold found = magnitude_threshold(weights, 0.5, Importance::kNormedAbs);
  EXPECT_EQ(found.threshold, 0);
  EXPECT_EQ(found.scales[0], 1);
  EXPECT_TRUE(std::isfinite(found.scales[1])) << "0 * infinity would be a NaN, which masks keep";
  EXPECT_EQ(magnitude_mask(weights[0], found.threshold, found.scales[0]).sum().item<int64_t>(), 0);
}

TEST(OrderStatistics, WeightsOfSeveralTypesAreOneSelection) {
  at::manual_seed(12);
  const at::Tensor a = at::randn({40}).to(at::kHalf), b = at::randn({50}), c = at::randn({60}).to(at::kDouble);
  const MagnitudeThreshold found = magnitude_threshold({a, b, c}, 0.5, Importance::kNormedAbs);
  EXPECT_EQ(found.threshold,
            magnitude_threshold({a.to(at::kFloat), b, c.to(at::kFloat)}, 0.5, Importance::kNormedAbs).threshold);
  EXPECT_EQ(count_kept({a, b, c}, found), 150 - 74 - 1);
}

TEST(OrderStatistics, HalfPrecisionIsThatOfItsNumbersInFloat) {
  // Large enough for the way that begins with a sample, too.
  for (const int64_t size : {37, 20'000}) {
    for (const auto type : {at::kHalf, at::kBFloat16}) {
      const at::Tensor x = at::randn({3, size}).to(type), same = x.to(at::kFloat);
      EXPECT_TRUE(order_statistics(x, 0, {0, 5, size - 1}).equal(order_statistics(same, 0, {0, 5, size - 1})));
      EXPECT_TRUE(percentile(x, 0, 99.3).equal(percentile(same, 0, 99.3)));
      EXPECT_EQ(percentile(x, 0, 99.3).scalar_type(), at::kFloat);
      const auto [median, deviation] = median_absolute_deviation(x, 0, /*without_zeros=*/true);
      const MedianAndDeviation expected = median_absolute_deviation(same, 0, true);
      EXPECT_TRUE(median.equal(expected.median) && deviation.equal(expected.deviation));
    }
  }
}

TEST(OrderStatistics, RefusesWhatHasNoAnswer) {
  const at::Tensor x = at::randn({3, 4});
  EXPECT_THROW(percentile(at::Tensor(), -1, 50), c10::Error);
  EXPECT_THROW(percentile(x, 2, 50), c10::Error);
  EXPECT_THROW(percentile(x, -1, 100.5), c10::Error);
  EXPECT_THROW(percentile(x.to(at::kLong), -1, 50), c10::Error);
  EXPECT_THROW(percentile(at::randn({0, 3}), 1, 50), c10::Error);
  EXPECT_THROW(order_statistics(x, -1, {12}), c10::Error);
  EXPECT_THROW(magnitude_threshold({}, 0.5, Importance::kAbs), c10::Error);
  EXPECT_THROW(magnitude_threshold({x}, 1.5, Importance::kAbs), c10::Error);
}

}  // namespace
}  // namespace pare::ops
