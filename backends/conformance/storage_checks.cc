#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "backends/conformance/checks.h"
#include "backends/conformance/comparisons.h"
#include "backends/reference/backend.h"

namespace pare::backends::conformance {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr WeightFormat kFormats[] = {WeightFormat::kInt4Symmetric, WeightFormat::kInt4Asymmetric, WeightFormat::kNf4,
                                     WeightFormat::kFp8E4M3, WeightFormat::kMxfp4};

constexpr GroupedLayout kGroupedLayouts[] = {
    // Nothing at all.
    {0, 0, 1},
    {0, 5, 32},
    {3, 0, 32},
    // Around the width of a vector, short last groups, odd rows.
    {1, 1, 1},
    {1, 1, 32},
    {5, 33, 32},
    {3, 65, 32},
    {9, 47, 48},
    {4, 70, 16},
    {1, 15, 8},
    // Groups that end in the middle of a byte.
    {2, 7, 3},
    {7, 100, 33},
    {40, 9, 1},
    {33, 20, 6},
    // As weights have them.
    {64, 96, 32},
    {7, 320, 64},
    {5, 896, 128},
    {16, 257, 128},
    {1, 20001, 128},
    // A group longer than a piece of a sum, and one group a row.
    {2, 4100, 2050},
    {3, 5001, 10000},
    {300, 10, 32},
};

enum class Groups { kRandom, kTies, kOneSided, kExtreme, kSpecial };
constexpr Groups kAllGroups[] = {Groups::kRandom, Groups::kTies, Groups::kOneSided, Groups::kExtreme, Groups::kSpecial};

const char* name_of(Groups groups) {
  switch (groups) {
    case Groups::kRandom:
      return "random numbers";
    case Groups::kTies:
      return "halfway between levels";
    case Groups::kOneSided:
      return "groups of one sign, of equal numbers, with a number that stands out";
    case Groups::kExtreme:
      return "groups of zeros and of very small and very large numbers";
    case Groups::kSpecial:
      return "NaN, infinities and denormals";
  }
  return "";
}

// The numbers of one group.
std::vector<float> numbers_of_group(Groups groups, int64_t count, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  const auto kind = static_cast<int>(random() % 4);
  std::vector<float> x(count);
  switch (groups) {
    case Groups::kRandom:
      for (float& number : x) number = 0.02f * normal(random);
      break;
    case Groups::kTies: {
      // Quarters of a power of two, the greatest such that this is the scale: of int4, of E4M3, of E2M1, or of NF4.
      constexpr float kGreatest[] = {8.0f, 7.5f, 448.0f, 6.0f};
      const float greatest = kGreatest[kind], unit = std::ldexp(1.0f, static_cast<int>(random() % 9) - 6);
      const auto quarters = static_cast<int64_t>(4 * std::min(greatest, 32.0f));
      for (float& number : x) {
        const auto level = static_cast<int64_t>(random() % (2 * quarters + 1)) - quarters;
        number = 0.25f * unit * static_cast<float>(level);
      }
      x[random() % count] = (random() % 2 == 0 ? greatest : -greatest) * unit;
      if (kind == 1) x[random() % count] = -7.5f * unit;
      break;
    }
    case Groups::kOneSided: {
      const float sign = random() % 2 == 0 ? 1.0f : -1.0f;
      for (float& number : x) number = kind == 0 ? sign * 0.3f : sign * std::fabs(normal(random));
      if (kind == 1) x[random() % count] = -sign * 4.0f;
      if (kind == 2) x[random() % count] = 1000.0f;
      break;
    }
    case Groups::kExtreme: {
      constexpr float kMagnitudes[] = {0.0f, 0x1p-101f, 0x1p-100f, 0x1.8p-99f, 0x1p-20f, 0x1p119f, 0x1p120f, 0x1p121f};
      const float magnitude = kMagnitudes[random() % std::size(kMagnitudes)];
      for (float& number : x) number = magnitude * (2 * std::uniform_real_distribution<float>()(random) - 1);
      if (random() % 2 == 0) x[random() % count] = random() % 2 == 0 ? magnitude : -magnitude;
      break;
    }
    case Groups::kSpecial: {
      constexpr float kSpecials[] = {1e-45f, -1e-45f, 1e-39f, -0.0f, 0.0f, 1e-30f, 1.17549435e-38f};
      for (float& number : x) number = random() % 2 == 0 ? kSpecials[random() % std::size(kSpecials)] : normal(random);
      // The last one, as often as not: there tails are forgotten.
      const size_t place = random() % 2 == 0 ? x.size() - 1 : random() % x.size();
      if (kind == 0) x[place] = kNan;
      if (kind == 1) x[place] = random() % 2 == 0 ? kInfinity : -kInfinity;
      break;
    }
  }
  return x;
}

struct GroupedCase {
  std::string description;
  GroupedLayout layout;
  std::vector<float> x;
};

std::vector<GroupedCase> all_grouped_cases() {
  std::vector<GroupedCase> cases;
  uint64_t seed = seed_of_run();
  for (const GroupedLayout& layout : kGroupedLayouts) {
    for (const Groups groups : kAllGroups) {
      std::mt19937_64 random(++seed);
      GroupedCase c{absl::StrCat("[", layout.rows, ", ", layout.columns, "] in groups of ", layout.group_size, ", ",
                                 name_of(groups), ", seed ", seed, " (PARE_TEST_SEED=", seed_of_run(), ")"),
                    layout,
                    {}};
      for (int64_t row = 0; row < layout.rows; ++row) {
        for (int64_t first = 0; first < layout.columns; first += layout.group_size) {
          const std::vector<float> group =
              numbers_of_group(groups, std::min(layout.group_size, layout.columns - first), random);
          c.x.insert(c.x.end(), group.begin(), group.end());
        }
      }
      cases.push_back(std::move(c));
    }
  }
  return cases;
}

// Calls check(case, format, execution) for every case, format and way to run. x is such that T holds it.
template <typename T, typename Check>
void for_each_grouped_run(const KernelTable<T>& tested, const Check& check) {
  static const std::vector<GroupedCase> all = all_grouped_cases();
  for (const GroupedCase& original : all) {
    GroupedCase c = original;
    for (float& number : c.x) {
      number = to_float(from_float<T>(number));
      if (tested.flushes_denormals && is_denormal(number)) number = 0;
    }
    for (const WeightFormat format : kFormats) {
      for (const Execution& execution : all_executions(tested.uses_execution)) {
        SCOPED_TRACE(absl::StrCat(c.description, ", format ", static_cast<int>(format)));
        check(c, format, execution);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

std::vector<uint8_t> byte_output(int64_t size) { return std::vector<uint8_t>(size + kGuard, 77); }

struct QuantizedGroups {
  QuantizedGroups(const GroupedLayout& layout, WeightFormat format)
      : codes(byte_output(layout.rows * row_bytes(format, layout))),
        zero_points(byte_output(layout.rows * layout.groups())),
        scales(output<float>(layout.rows * layout.groups())),
        squared_error(scales),
        has_zero_points(format == WeightFormat::kInt4Asymmetric) {}
  uint8_t* zero_points_or_null() { return has_zero_points ? zero_points.data() : nullptr; }

  std::vector<uint8_t> codes, zero_points;
  std::vector<float> scales, squared_error;
  bool has_zero_points;
};

// Of sums of squares, all of them positive.
std::vector<double> sum_tolerances(const std::vector<float>& sums) {
  std::vector<double> tolerances;
  for (size_t i = 0; i + kGuard < sums.size(); ++i) tolerances.push_back(kSumTolerance * sums[i]);
  return tolerances;
}

// Zero points of all signs with which codes stay within 8 bits.
std::vector<int32_t> zero_points_of(const Case& c) {
  std::vector<int32_t> zero_point(c.layout.channels);
  for (size_t channel = 0; channel < zero_point.size(); ++channel) {
    const auto lowest = static_cast<int32_t>(c.lowest[channel]);
    zero_point[channel] = lowest < -128 || channel % 2 == 0 ? -lowest : -128 - lowest;
  }
  return zero_point;
}

}  // namespace

template <typename T>
void check_quantize_to_codes(const KernelTable<T>& tested) {
  const auto kernel = tested.quantize_to_codes;
  if (kernel == nullptr) return;
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    const std::vector<int32_t> zero_point = zero_points_of(c);
    std::vector<uint8_t> expected = byte_output(c.layout.size()), actual = expected, alone = expected;
    std::vector<float> expected_error = output<float>(c.layout.channels), error = expected_error, repeated = error;
    ASSERT_TRUE(reference_kernels<T>()
                    .quantize_to_codes({}, c.layout, x.data(), c.grid(), zero_point.data(), expected.data(),
                                       expected_error.data())
                    .ok());
    ASSERT_TRUE(kernel(execution, c.layout, x.data(), c.grid(), zero_point.data(), actual.data(), error.data()).ok());
    ASSERT_EQ(actual, expected);
    expect_near(error, expected_error, sum_tolerances(expected_error), "squared_error", tested.flushes_denormals);
    // The same however the work is divided, and without the errors.
    ASSERT_TRUE(kernel({}, c.layout, x.data(), c.grid(), zero_point.data(), alone.data(), repeated.data()).ok());
    expect_identical(repeated, error, "squared_error, once more", tested.flushes_denormals);
    std::fill(alone.begin(), alone.end(), 77);
    ASSERT_TRUE(kernel(execution, c.layout, x.data(), c.grid(), zero_point.data(), alone.data(), nullptr).ok());
    ASSERT_EQ(alone, expected) << "without squared_error";
  });
}

template <typename T>
void check_dequantize_codes(const KernelTable<T>& tested) {
  if (tested.dequantize_codes == nullptr) return;
  std::mt19937_64 random(seed_of_run());
  for_each_run(tested, [&](const Case& c, const Execution& execution) {
    std::vector<uint8_t> codes(c.layout.size());
    for (uint8_t& code : codes) code = static_cast<uint8_t>(random());
    for (const bool is_signed : {false, true}) {
      const std::vector<int32_t> zero_point = zero_points_of(c);
      std::vector<T> expected = output<T>(c.layout.size()), actual = expected;
      ASSERT_TRUE(reference_kernels<T>()
                      .dequantize_codes({}, c.layout, codes.data(), is_signed, c.step.data(), zero_point.data(),
                                        expected.data())
                      .ok());
      ASSERT_TRUE(tested
                      .dequantize_codes(execution, c.layout, codes.data(), is_signed, c.step.data(), zero_point.data(),
                                        actual.data())
                      .ok());
      expect_identical(actual, expected, is_signed ? "y of int8" : "y of uint8", tested.flushes_denormals);
    }
  });
}

template <typename T>
void check_quantize_groups(const KernelTable<T>& tested) {
  const auto kernel = tested.quantize_groups;
  if (kernel == nullptr) return;
  for_each_grouped_run(tested, [&](const GroupedCase& c, WeightFormat format, const Execution& execution) {
    const std::vector<T> x = typed<T>(c.x);
    QuantizedGroups expected(c.layout, format), actual = expected, repeated = expected;
    ASSERT_TRUE(reference_kernels<T>()
                    .quantize_groups({}, c.layout, format, x.data(), expected.codes.data(), expected.scales.data(),
                                     expected.zero_points_or_null(), expected.squared_error.data())
                    .ok());
    ASSERT_TRUE(kernel(execution, c.layout, format, x.data(), actual.codes.data(), actual.scales.data(),
                       actual.zero_points_or_null(), actual.squared_error.data())
                    .ok());
    expect_identical(actual.scales, expected.scales, "scales", tested.flushes_denormals);
    ASSERT_EQ(actual.zero_points, expected.zero_points);
    ASSERT_EQ(actual.codes, expected.codes);
    expect_near(actual.squared_error, expected.squared_error, sum_tolerances(expected.squared_error), "squared_error",
                tested.flushes_denormals);
    // The same however the work is divided, and without the errors.
    ASSERT_TRUE(kernel({}, c.layout, format, x.data(), repeated.codes.data(), repeated.scales.data(),
                       repeated.zero_points_or_null(), repeated.squared_error.data())
                    .ok());
    expect_identical(repeated.squared_error, actual.squared_error, "squared_error, once more",
                     tested.flushes_denormals);
    repeated = QuantizedGroups(c.layout, format);
    ASSERT_TRUE(kernel(execution, c.layout, format, x.data(), repeated.codes.data(), repeated.scales.data(),
                       repeated.zero_points_or_null(), nullptr)
                    .ok());
    expect_identical(repeated.scales, expected.scales, "scales, without squared_error", tested.flushes_denormals);
    ASSERT_EQ(repeated.codes, expected.codes) << "without squared_error";
  });
}

template <typename T>
void check_dequantize_groups(const KernelTable<T>& tested) {
  if (tested.dequantize_groups == nullptr) return;
  std::mt19937_64 random(seed_of_run());
  for_each_grouped_run(tested, [&](const GroupedCase& c, WeightFormat format, const Execution& execution) {
    // Any codes, the four bits behind an odd row too, and any scales.
    QuantizedGroups from(c.layout, format);
    for (uint8_t& code : from.codes) code = static_cast<uint8_t>(random());
    for (uint8_t& zero_point : from.zero_points) zero_point = static_cast<uint8_t>(random() % 16);
    constexpr float kScales[] = {0.0f, -0.5f, 1.0f, 1e-40f, 1e38f, kInfinity, kNan};
    for (float& scale : from.scales) {
      scale = random() % 4 == 0 ? kScales[random() % std::size(kScales)] : std::normal_distribution<float>()(random);
      if (tested.flushes_denormals && is_denormal(scale)) scale = 0;
    }
    std::vector<T> expected = output<T>(c.layout.size()), actual = expected;
    ASSERT_TRUE(reference_kernels<T>()
                    .dequantize_groups({}, c.layout, format, from.codes.data(), from.scales.data(),
                                       from.zero_points_or_null(), expected.data())
                    .ok());
    ASSERT_TRUE(tested
                    .dequantize_groups(execution, c.layout, format, from.codes.data(), from.scales.data(),
                                       from.zero_points_or_null(), actual.data())
                    .ok());
    expect_identical(actual, expected, "y", tested.flushes_denormals);
  });
}

#define PARE_INSTANTIATE(T)                                     \
  template void check_quantize_to_codes(const KernelTable<T>&); \
  template void check_dequantize_codes(const KernelTable<T>&);  \
  template void check_quantize_groups(const KernelTable<T>&);   \
  template void check_dequantize_groups(const KernelTable<T>&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::conformance
