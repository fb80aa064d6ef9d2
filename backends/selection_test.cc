#include "backends/selection.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "backends/cpu/backend.h"
#include "backends/reference/backend.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <typename T>
HostNumbers<T> numbers_of(std::vector<SelectionPart<T>> parts) {
  return *HostNumbers<T>::create(cpu_kernels<T>().key_histogram, {}, std::move(parts));
}

// Another source's numbers, with passes counted and a sample of its own.
class Watched : public SelectionSource {
 public:
  using Sample = std::function<std::vector<uint32_t>(int64_t channel, int64_t size)>;
  explicit Watched(SelectionSource& source, Sample sample = nullptr) : source_(source), sample_(std::move(sample)) {}

  int64_t channels() const override { return source_.channels(); }
  int64_t size(int64_t channel) const override { return source_.size(channel); }
  absl::Status count(const KeyBins& bins, int64_t* counts) override {
    ++passes;
    return source_.count(bins, counts);
  }
  std::vector<uint32_t> sample(int64_t channel, int64_t size) override {
    return sample_ == nullptr ? source_.sample(channel, size) : sample_(channel, size);
  }

  int passes = 0;

 private:
  SelectionSource& source_;
  Sample sample_;
};

std::vector<uint32_t> no_sample(int64_t, int64_t) { return {}; }

// Numbers of different kinds: normal, mostly zero, few different ones, all alike, over all magnitudes.
std::vector<float> numbers(int kind, int64_t count) {
  std::mt19937 random(17 + kind);
  std::normal_distribution<float> normal;
  std::vector<float> result(count);
  for (float& x : result) {
    const float number = normal(random);
    x = kind == 0   ? number
        : kind == 1 ? std::max(number - 0.5f, -0.0f)
        : kind == 2 ? std::nearbyint(number)
        : kind == 3 ? -1.5f
                    : std::ldexp(number, static_cast<int>(random() % 280) - 148);
  }
  return result;
}
constexpr int kKinds = 5;

std::vector<float> sorted(std::vector<float> x) {
  std::sort(x.begin(), x.end(), [](float a, float b) { return selection_key(a) < selection_key(b); });
  for (float& number : x) number += 0.0f;
  return x;
}

TEST(Selection, FindsWhatSortingFinds) {
  for (int kind = 0; kind < kKinds; ++kind) {
    for (const int64_t size : {1, 2, 100, 5000, 40'000}) {
      const std::vector<float> x = numbers(kind, size), expected = sorted(x);
      const int64_t ranks[] = {size / 2, 0, size - 1, size / 3, (size - 1) / 2, size / 1000, size / 2};
      HostNumbers<float> source = numbers_of<float>({{Layout::per_tensor(size), x.data()}});
      Watched without_sample(source, no_sample);
      // Guesses that are wrong in every way cost passes only.
      Watched misled(source, [](int64_t, int64_t count) {
        return std::vector<uint32_t>(count, selection_key(count % 2 == 0 ? 77.0f : -77.0f));
      });
      for (SelectionSource* const any : std::initializer_list<SelectionSource*>{&source, &without_sample, &misled}) {
        const auto found = order_statistics(*any, ranks);
        ASSERT_TRUE(found.ok()) << found.status();
        for (size_t k = 0; k < std::size(ranks); ++k) {
          EXPECT_EQ((*found)[k], expected[ranks[k]]) << "kind " << kind << ", rank " << ranks[k] << " of " << size;
        }
      }
    }
  }
}

TEST(Selection, TakesFewPasses) {
  constexpr int64_t kSize = 1'000'000;
  for (int kind = 0; kind < kKinds; ++kind) {
    const std::vector<float> x = numbers(kind, kSize);
    HostNumbers<float> source = numbers_of<float>({{Layout::per_tensor(kSize), x.data(), {.magnitude = true}}});
    for (const int64_t rank : {kSize * 3 / 10, kSize * 99 / 100}) {
      Watched watched(source), without_sample(source, no_sample);
      ASSERT_TRUE(order_statistics(watched, {rank}).ok());
      // Numbers of all magnitudes leave a wide bracket.
      EXPECT_LE(watched.passes, kind == 4 ? 3 : 2) << "kind " << kind << ", rank " << rank;
      ASSERT_TRUE(order_statistics(without_sample, {rank}).ok());
      EXPECT_LE(without_sample.passes, 3) << "kind " << kind << ", rank " << rank;
    }
  }
}

TEST(Selection, OfEachChannelOfEveryType) {
  const auto check = [](auto zero) {
    using T = decltype(zero);
    for (const Layout& layout : {Layout{3, 4, 700}, Layout{900, 5, 1}, Layout{1, 3, 20'000}}) {
      std::vector<T> x;
      for (const float number : numbers(0, layout.size())) x.push_back(from_float<T>(number));
      const int64_t size = layout.outer * layout.inner, ranks[] = {size / 10, size - 2};
      HostNumbers<T> source = numbers_of<T>({{layout, x.data()}});
      const auto found = order_statistics(source, ranks);
      ASSERT_TRUE(found.ok()) << found.status();
      for (int64_t c = 0; c < layout.channels; ++c) {
        std::vector<float> channel;
        for (int64_t i = 0; i < layout.size(); ++i) {
          if (i / layout.inner % layout.channels == c) channel.push_back(to_float(x[i]));
        }
        EXPECT_EQ((*found)[c], sorted(channel)[ranks[0]]);
        EXPECT_EQ((*found)[layout.channels + c], sorted(channel)[ranks[1]]);
      }
    }
  };
  check(float{});
  check(Half{});
  check(BFloat16{});
}

// Magnitudes of several tensors, each with its own scale, as a threshold for all of a network's weights needs it.
TEST(Selection, OfManyTensorsTogether) {
  std::vector<std::vector<float>> tensors;
  std::vector<float> scales, all;
  for (const int64_t size : {5, 30'000, 1, 0, 12'345, 64}) {
    tensors.push_back(numbers(0, size));
    scales.push_back(1.0f / static_cast<float>(tensors.size()));
  }
  std::vector<SelectionPart<float>> parts;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto size = static_cast<int64_t>(tensors[i].size());
    parts.push_back({Layout::per_tensor(size), tensors[i].data(), {.magnitude = true, .scale = &scales[i]}});
    for (const float x : tensors[i]) all.push_back(std::fabs(x) * scales[i]);
  }
  const std::vector<float> expected = sorted(all);
  HostNumbers<float> source = numbers_of<float>(parts);
  ASSERT_EQ(source.size(0), static_cast<int64_t>(all.size()));
  for (const double level : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    const auto rank = static_cast<int64_t>(static_cast<double>(all.size() - 1) * level);
    EXPECT_EQ((*order_statistics(source, {rank}))[0], expected[rank]);
  }
}

TEST(Selection, NanComesLastAndZerosAreEqual) {
  const std::vector<float> x = {kNan, 0.0f, -kInfinity, -kNan, kInfinity, -0.0f, 1e-45f};
  HostNumbers<float> source = numbers_of<float>({{Layout::per_tensor(7), x.data()}});
  const std::vector<float> found = *order_statistics(source, {0, 1, 2, 3, 4, 5, 6});
  EXPECT_THAT(std::vector<float>(found.begin(), found.begin() + 5), ElementsAre(-kInfinity, 0, 0, 1e-45f, kInfinity));
  EXPECT_TRUE(std::isnan(found[5]) && std::isnan(found[6]));
  EXPECT_FALSE(std::signbit(found[1]) || std::signbit(found[2]));
}

TEST(Percentiles, AreOnTheLineBetweenTwoNumbers) {
  const std::vector<float> x = {40, 10, 30, 20};
  HostNumbers<float> source = numbers_of<float>({{Layout::per_tensor(4), x.data()}});
  EXPECT_THAT(*percentiles(source, {0, 50, 90, 100}), ElementsAre(10, 25, 37, 40));
  const std::vector<float> ends = {-kInfinity, -kInfinity, 2, kInfinity, kInfinity};
  HostNumbers<float> infinite = numbers_of<float>({{Layout::per_tensor(5), ends.data()}});
  EXPECT_THAT(*percentiles(infinite, {10, 50, 60, 90}), ElementsAre(-kInfinity, 2, kInfinity, kInfinity));
}

TEST(Percentiles, OfLargeTensorsAreTheSortedOnes) {
  const std::vector<float> x = numbers(0, 100'001), expected = sorted(x);
  HostNumbers<float> source = numbers_of<float>({{Layout::per_tensor(100'001), x.data()}});
  // Two numbers that are not neighbours of the other two, and a place on a number.
  EXPECT_THAT(*percentiles(source, {0.1, 99.9, 1.0005, 50}),
              ElementsAre(expected[100], expected[99'900],
                          static_cast<float>(expected[1000] + 0.5 * (double{expected[1001]} - expected[1000])),
                          expected[50'000]));
}

TEST(MedianAndDeviation, ByHand) {
  // [1, 2, 9]: 1 to 9, with median 5 and distances 4 3 2 1 0 1 2 3 4; and the same times -2.
  std::vector<float> x;
  for (int i = 1; i <= 9; ++i) x.push_back(static_cast<float>(i));
  for (int i = 1; i <= 9; ++i) x.push_back(static_cast<float>(-2 * i));
  const auto found =
      median_and_deviation<float>(reference_kernels<float>().key_histogram, {}, {1, 2, 9}, x.data(), Zeros::kCounted);
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(found->median, ElementsAre(5, -10));
  EXPECT_THAT(found->deviation, ElementsAre(2, 4));
}

TEST(MedianAndDeviation, ZerosLeftOutAreNotThere) {
  // The same without zeros, and with many: among them a channel of nothing else.
  const std::vector<float> x = {-4, 1, 2, 3, 5, 6, 0, 0, 0, 0, 0, 0};
  const std::vector<float> padded = {0, -4, 0, 1, 2, -0.0f, 3, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const auto kernel = cpu_kernels<float>().key_histogram;
  const auto plain = median_and_deviation<float>(kernel, {}, {1, 1, 6}, x.data(), Zeros::kCounted);
  const auto without = median_and_deviation<float>(kernel, {}, {1, 2, 12}, padded.data(), Zeros::kLeftOut);
  ASSERT_TRUE(plain.ok() && without.ok());
  // Distances from 2.5: 6.5 1.5 0.5 0.5 2.5 3.5, as far from 0 as from 5.
  EXPECT_EQ(plain->median[0], 2.5f);
  EXPECT_EQ(plain->deviation[0], 2.0f);
  EXPECT_EQ(without->median[0], 2.5f);
  EXPECT_EQ(without->deviation[0], 2.0f);
  EXPECT_TRUE(std::isnan(without->median[1]) && std::isnan(without->deviation[1]));
}

TEST(MedianAndDeviation, OfManyNumbersIsTheSortedOnes) {
  for (int kind = 0; kind < kKinds; ++kind) {
    std::vector<float> x = numbers(kind, 50'000), others;
    std::copy_if(x.begin(), x.end(), std::back_inserter(others), [](float number) { return number != 0; });
    const auto found = median_and_deviation<float>(cpu_kernels<float>().key_histogram, {}, Layout::per_tensor(50'000),
                                                   x.data(), Zeros::kLeftOut);
    ASSERT_TRUE(found.ok()) << found.status();
    const auto median = [](const std::vector<float>& numbers) {
      const std::vector<float> all = sorted(numbers);
      return static_cast<float>((double{all[(all.size() - 1) / 2]} + all[all.size() / 2]) / 2);
    };
    EXPECT_EQ(found->median[0], median(others)) << kind;
    for (float& number : others) number = std::fabs(number - found->median[0]);
    EXPECT_EQ(found->deviation[0], median(others)) << kind;
  }
}

TEST(Selection, RefusesWhatThereIsNot) {
  const float x[] = {1, 2, 3, 4};
  HostNumbers<float> source = numbers_of<float>({{{1, 2, 2}, x}});
  for (const int64_t rank : {-1, 2}) {
    EXPECT_EQ(order_statistics(source, {rank}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  for (const double percent : {-0.1, 100.1, double{kNan}}) {
    EXPECT_EQ(percentiles(source, {percent}).status().code(), absl::StatusCode::kInvalidArgument);
  }
  const auto kernel = cpu_kernels<float>().key_histogram;
  EXPECT_EQ(HostNumbers<float>::create(kernel, {}, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(HostNumbers<float>::create(kernel, {}, {{{1, 2, 2}, x}, {{1, 1, 4}, x}}).status().code(),
            absl::StatusCode::kInvalidArgument);
  HostNumbers<float> empty = numbers_of<float>({{{0, 2, 2}, nullptr}});
  EXPECT_EQ(order_statistics(empty, {0}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(std::isnan((*percentiles(empty, {50}))[1]));
  EXPECT_TRUE(order_statistics(source, {})->empty());
}

// Counts of numbers that are not those whose size was told.
TEST(Selection, NoticesCountsThatDoNotAddUp) {
  const std::vector<float> x = numbers(0, 100);
  const auto kernel = [](const Execution& execution, const Layout&, const float* numbers, const SelectionKeys& keys,
                         const KeyBins& bins, int64_t* counts) {
    return cpu_kernels<float>().key_histogram(execution, Layout::per_tensor(50), numbers, keys, bins, counts);
  };
  auto source = *HostNumbers<float>::create(kernel, {}, {{Layout::per_tensor(100), x.data()}});
  EXPECT_EQ(order_statistics(source, {80}).status().code(), absl::StatusCode::kInternal);
  const auto failing = [](const Execution&, const Layout&, const float*, const SelectionKeys&, const KeyBins&,
                          int64_t*) { return absl::UnavailableError("device lost"); };
  auto lost = *HostNumbers<float>::create(failing, {}, {{Layout::per_tensor(100), x.data()}});
  EXPECT_EQ(order_statistics(lost, {80}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace pare::backends
