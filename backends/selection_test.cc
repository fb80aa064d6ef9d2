#include "backends/selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "backends/cpu/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_numbers(int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& number : numbers) number = normal(random);
  return numbers;
}

template <typename T>
SelectionPart<T> part_of(const std::vector<T>& x) {
  return {x.data(), Layout::per_tensor(x.size())};
}

absl::StatusOr<std::vector<float>> ranks_of(const std::vector<float>& x, std::vector<int64_t> ranks) {
  const SelectionPart<float> part = part_of(x);
  return select_ranks<float>(cpu_kernels<float>(), {}, {part}, ranks);
}

TEST(Selection, SmallTensorsByHand) {
  const std::vector<float> x = {3.0f, -1.0f, 0.0f, -0.0f, 2.0f, -INFINITY, INFINITY};
  EXPECT_THAT(*ranks_of(x, {0, 1, 2, 3, 4, 5, 6}), ElementsAre(-INFINITY, -1, 0, 0, 2, 3, INFINITY));
  EXPECT_TRUE(std::isnan((*ranks_of({1.0f, kNan}, {1}))[0])) << "a NaN is the greatest";
  EXPECT_EQ((*ranks_of({kNan, 1.0f}, {0}))[0], 1.0f);
}

// Large enough for a sample; sorted, constant and in clusters too, where samples mislead.
TEST(Selection, EqualsASort) {
  constexpr int64_t kSize = 300'007;
  std::vector<float> sorted = random_numbers(kSize, 1), constant(kSize, 0.5f), clusters = random_numbers(kSize, 2);
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < kSize; ++i) clusters[i] = i % 18 == 9 ? 1e30f * clusters[i] : std::round(clusters[i]);
  const std::vector<int64_t> ranks = {0, 1, 1000, kSize / 2, kSize - 1000, kSize - 2, kSize - 1};
  for (const std::vector<float>& x : {random_numbers(kSize, 3), sorted, constant, clusters}) {
    std::vector<float> order = x;
    std::sort(order.begin(), order.end());
    const auto selected = ranks_of(x, ranks);
    ASSERT_TRUE(selected.ok()) << selected.status();
    for (size_t i = 0; i < ranks.size(); ++i) EXPECT_EQ((*selected)[i], order[ranks[i]]) << ranks[i];
    // Without a sample.
    const SelectionPart<float> part = part_of(x);
    EXPECT_EQ(*select_ranks<float>(cpu_kernels<float>(), {}, {part}, ranks, {.host_memory = false}), *selected);
  }
}

TEST(Selection, ChannelsHaveTheirOwn) {
  for (const Layout& layout : {Layout{3, 5, 7}, Layout{50, 700, 1}, Layout{1, 4, 1001}}) {
    const std::vector<float> x = random_numbers(layout.size(), 4);
    const int64_t size = layout.outer * layout.inner;
    const std::vector<int64_t> ranks = {0, size / 3, size - 1};
    const SelectionPart<float> part{x.data(), layout};
    const auto selected = select_ranks<float>(cpu_kernels<float>(), {}, {part}, ranks);
    ASSERT_TRUE(selected.ok()) << selected.status();
    for (int64_t c = 0; c < layout.channels; ++c) {
      std::vector<float> order;
      for (int64_t i = 0; i < layout.size(); ++i) {
        if (i / layout.inner % layout.channels == c) order.push_back(x[i]);
      }
      std::sort(order.begin(), order.end());
      for (size_t i = 0; i < ranks.size(); ++i) ASSERT_EQ((*selected)[c * ranks.size() + i], order[ranks[i]]);
    }
  }
}

// NumPy: np.percentile([1, 2, 3, 4], 40) is 2.2.
TEST(Selection, PercentilesAreInterpolated) {
  const std::vector<float> x = {4.0f, 1.0f, 3.0f, 2.0f};
  const SelectionPart<float> part = part_of(x);
  const auto of = [&](double percent) { return (*percentile<float>(cpu_kernels<float>(), {}, {part}, percent))[0]; };
  EXPECT_EQ(of(0), 1);
  EXPECT_FLOAT_EQ(of(40), 2.2f);
  EXPECT_EQ(of(50), 2.5f);
  EXPECT_EQ(of(100), 4);
}

TEST(Selection, MedianAbsoluteDeviation) {
  // The median is 2; the deviations 1, 1, 0, 0, 2, 4, 7 have the median 1.
  const std::vector<float> x = {1, 1, 2, 2, 4, 6, 9};
  std::vector<float> medians;
  EXPECT_THAT(*median_absolute_deviation<float>(cpu_kernels<float>(), {}, Layout::per_tensor(7), x.data(), &medians),
              ElementsAre(1));
  EXPECT_THAT(medians, ElementsAre(2));
}

TEST(Selection, SixteenBitTensors) {
  std::vector<Half> x;
  for (const float number : random_numbers(200'000, 5)) x.push_back(from_float<Half>(number));
  std::vector<float> order;
  for (const Half number : x) order.push_back(to_float(number));
  std::sort(order.begin(), order.end());
  const SelectionPart<Half> part = part_of(x);
  EXPECT_THAT(*select_ranks<Half>(cpu_kernels<Half>(), {}, {part}, {12'345}), ElementsAre(order[12'345]));
}

// METHODS: the sorted importances at index int((N - 1) * level), over all layers, each with a factor of its own.
TEST(Selection, ThresholdOverManyTensors) {
  const std::vector<float> a = random_numbers(100'000, 6), b = random_numbers(70'001, 7), c = {0.25f};
  const float scale_a = 0.5f, scale_b = 3.0f;
  std::vector<float> importances = {0.25f};
  for (const float x : a) importances.push_back(std::fabs(x) * scale_a);
  for (const float x : b) importances.push_back(std::fabs(x) * scale_b);
  std::sort(importances.begin(), importances.end());
  SelectionPart<float> parts[] = {part_of(a), part_of(b), part_of(c)};
  for (SelectionPart<float>& part : parts) part.magnitude = true;
  parts[0].scale = &scale_a;
  parts[1].scale = &scale_b;
  for (const double level : {0.0, 0.5, 0.9, 1.0}) {
    const auto index = static_cast<size_t>(static_cast<double>(importances.size() - 1) * level);
    EXPECT_EQ(*threshold_for_level<float>(cpu_kernels<float>(), {}, parts, level), importances[index]) << level;
  }
}

int passes = 0;

absl::Status counted_key_histogram(const Execution& execution, const Layout& layout, const float* x,
                                   const SelectionKeys& keys, const KeyBins& bins, int64_t* counts) {
  ++passes;
  return cpu_kernels<float>().key_histogram(execution, layout, x, keys, bins, counts);
}

TEST(Selection, ReadsTheDataTwiceWithASample) {
  constexpr int64_t kSize = 400'000;
  std::vector<float> x = random_numbers(kSize, 8), mostly_zeros = x;
  for (float& number : mostly_zeros) number = std::max(number, 0.0f);
  const KernelTable<float> table{.key_histogram = counted_key_histogram};
  for (const std::vector<float>& numbers : {x, mostly_zeros}) {
    for (const Layout& layout : {Layout::per_tensor(kSize), Layout{10, 4, 10'000}}) {
      const SelectionPart<float> part{numbers.data(), layout, /*magnitude=*/true};
      for (const int64_t rank : {30'000, 70'000, 97'000}) {
        const std::vector<int64_t> ranks = {rank * (4 / layout.channels)};
        passes = 0;
        ASSERT_TRUE(select_ranks<float>(table, {}, {part}, ranks).ok());
        EXPECT_LE(passes, 2) << rank << ", " << layout.channels << " channels";
        passes = 0;
        ASSERT_TRUE(select_ranks<float>(table, {}, {part}, ranks, {.host_memory = false}).ok());
        EXPECT_LE(passes, 3) << rank << ", " << layout.channels << " channels, without a sample";
      }
    }
  }
}

TEST(Selection, ZerosLeftOutAreNotThere) {
  // The second channel holds nothing else.
  std::vector<float> numbers = random_numbers(20'000, 9), x, one;
  for (const float number : numbers) x.insert(x.end(), {number, 0.0f, -0.0f});
  x.resize(2 * x.size());
  const Layout layout{1, 2, 60'000};
  const KernelTable<float>& table = cpu_kernels<float>();
  std::vector<float> medians, expected_medians;
  const auto expected =
      median_absolute_deviation<float>(table, {}, Layout::per_tensor(20'000), numbers.data(), &expected_medians);
  const auto deviations =
      median_absolute_deviation<float>(table, {}, layout, x.data(), &medians, {.without_zeros = true});
  ASSERT_TRUE(expected.ok() && deviations.ok());
  EXPECT_EQ(medians[0], expected_medians[0]);
  EXPECT_EQ((*deviations)[0], (*expected)[0]);
  EXPECT_TRUE(std::isnan(medians[1]) && std::isnan((*deviations)[1]));
  // Distances of 2 from the median and zeros at the same distance.
  const std::vector<float> few = {0, 4, 0, 2, 2, 0, -6, 0, 0};
  EXPECT_THAT(
      *median_absolute_deviation<float>(table, {}, Layout::per_tensor(9), few.data(), nullptr, {.without_zeros = true}),
      ElementsAre(1));
  EXPECT_EQ(select_ranks<float>(table, {}, {part_of(few)}, {4}, {.without_zeros = true}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Selection, NoticesCountsThatDoNotAddUp) {
  const std::vector<float> x = random_numbers(100, 10);
  const KernelTable<float> table{.key_histogram = [](const Execution& execution, const Layout&, const float* numbers,
                                                     const SelectionKeys& keys, const KeyBins& bins, int64_t* counts) {
    return cpu_kernels<float>().key_histogram(execution, Layout::per_tensor(50), numbers, keys, bins, counts);
  }};
  EXPECT_EQ(select_ranks<float>(table, {}, {part_of(x)}, {80}).status().code(), absl::StatusCode::kInternal);
}

TEST(Selection, RefusesWhatHasNoAnswer) {
  const std::vector<float> x = {1, 2};
  const SelectionPart<float> part = part_of(x), empty;
  const auto code = [](const absl::Status& status) { return status.code(); };
  const KernelTable<float>& table = cpu_kernels<float>();
  EXPECT_EQ(code(select_ranks<float>(table, {}, {part}, {2}).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(select_ranks<float>(table, {}, {part}, {-1}).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(select_ranks<float>(table, {}, {empty}, {0}).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(select_ranks<float>(table, {}, {}, {0}).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(percentile<float>(table, {}, {part}, 101).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(percentile<float>(table, {}, {part}, kNan).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(threshold_for_level<float>(table, {}, {part}, 0.5).status()), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(select_ranks<float>(KernelTable<float>{}, {}, {part}, {0}).status()),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace pare::backends
