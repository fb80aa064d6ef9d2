#include "backends/conformance/cases.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "absl/strings/str_cat.h"

namespace pare::backends::conformance {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr Layout kLayouts[] = {
    // Nothing at all.
    {1, 1, 0},
    {0, 3, 5},
    {0, 4, 1},
    {2, 3, 0},
    // Around the width of a vector and of a piece of a sum.
    {1, 1, 1},
    {1, 1, 3},
    {1, 1, 15},
    {1, 1, 16},
    {1, 1, 17},
    {1, 1, 33},
    {1, 1, 2047},
    {1, 1, 2048},
    {1, 1, 2049},
    // Large and odd.
    {1, 1, 100003},
    {1, 3, 70001},
    {3, 2, 2501},
    // Weights of convolutions, activations, depthwise filters.
    {1, 16, 144},
    {4, 16, 1024},
    {1, 33, 9},
    {1000, 3, 3},
    {5, 1, 7},
    // Channels last.
    {1, 2, 1},
    {3, 16, 1},
    {129, 64, 1},
    {300, 17, 1},
    {5, 1, 1},
    // Several pieces of a sum, of many short runs each.
    {1100, 2, 17},
};

enum class Numbers { kRandom, kTies, kEdges, kSpecial, kExtremeSteps };
constexpr Numbers kAllNumbers[] = {Numbers::kRandom, Numbers::kTies, Numbers::kEdges, Numbers::kSpecial,
                                   Numbers::kExtremeSteps};

const char* name_of(Numbers numbers) {
  switch (numbers) {
    case Numbers::kRandom:
      return "random numbers";
    case Numbers::kTies:
      return "halfway between levels";
    case Numbers::kEdges:
      return "around the edges of the range";
    case Numbers::kSpecial:
      return "NaN, infinities and denormals";
    case Numbers::kExtremeSteps:
      return "very small and very large steps";
  }
  return "";
}

float special_number(std::mt19937_64& random) {
  constexpr float kSpecials[] = {kInfinity, -kInfinity, 1e-45f,   -1e-45f, 1e-39f, -0.0f,
                                 0.0f,      3.4e38f,    -3.4e38f, 1.0f,    -1.0f,  1.17549435e-38f};
  return kSpecials[random() % std::size(kSpecials)];
}

// A number of the kind for a channel with these levels.
float number(Numbers numbers, float step, float lowest, float highest, std::mt19937_64& random) {
  const auto level = lowest + static_cast<float>(random() % static_cast<uint64_t>(highest - lowest + 1));
  switch (numbers) {
    case Numbers::kRandom:
    case Numbers::kExtremeSteps:
      return std::normal_distribution<float>(0.0f, 0.4f * (highest - lowest))(random) * step;
    case Numbers::kTies:
      return (level + 0.5f) * step;
    case Numbers::kEdges: {
      const float edge = (random() % 2 == 0 ? lowest : highest) * step;
      const uint64_t which = random() % 3;
      return which == 0 ? edge : std::nextafter(edge, which == 1 ? kInfinity : -kInfinity);
    }
    case Numbers::kSpecial:
      return random() % 2 == 0 ? special_number(random) : level * step;
  }
  return 0;
}

Case make_case(const Layout& layout, Numbers numbers, bool with_nan, uint64_t seed) {
  std::mt19937_64 random(seed);
  Case c;
  c.description =
      absl::StrCat("[", layout.outer, ", ", layout.channels, ", ", layout.inner, "], ", name_of(numbers),
                   with_nan ? ", one of them NaN" : "", ", seed ", seed, " (PARE_TEST_SEED=", seed_of_run(), ")");
  c.layout = layout;
  constexpr float kExtremeSteps[] = {1.17549435e-38f, 1e-30f, 1e30f, 1e36f, 1.0f};
  for (int64_t channel = 0; channel < layout.channels; ++channel) {
    const float step = numbers == Numbers::kExtremeSteps ? kExtremeSteps[random() % std::size(kExtremeSteps)]
                       : numbers == Numbers::kTies       ? std::ldexp(1.0f, static_cast<int>(random() % 9) - 6)
                                                         : std::uniform_real_distribution<float>(1e-4f, 0.1f)(random);
    const int bits = 2 + static_cast<int>(random() % 7);
    const float levels = std::ldexp(1.0f, bits);
    constexpr float kBelowZero[] = {0.0f, 0.5f, 0.25f, 1.0f};
    const float lowest = -std::floor(kBelowZero[random() % 4] * (levels - 1));
    c.step.push_back(step);
    c.inverse_step.push_back(1.0f / step);
    c.lowest.push_back(lowest);
    c.highest.push_back(lowest + levels - 1);
  }
  c.x.resize(layout.size());
  c.dy.resize(layout.size());
  std::normal_distribution<float> gradient;
  for (int64_t i = 0; i < layout.size(); ++i) {
    const int64_t channel = i / layout.inner % layout.channels;
    c.x[i] = number(numbers, c.step[channel], c.lowest[channel], c.highest[channel], random);
    c.dy[i] = gradient(random);
  }
  // The last one, as often as not: there tails are forgotten.
  if (with_nan && layout.size() > 0) c.x[random() % 2 == 0 ? layout.size() - 1 : random() % layout.size()] = kNan;
  return c;
}

void run_in_small_pieces_backwards(int64_t begin, int64_t end, int64_t, Execution::Body body) {
  const int64_t piece = std::max<int64_t>(1, (end - begin) / 7);
  for (int64_t first = begin + (end - begin - 1) / piece * piece; first >= begin && begin < end; first -= piece) {
    body(first, std::min(first + piece, end));
  }
}

}  // namespace

uint64_t seed_of_run() {
  const char* const seed = std::getenv("PARE_TEST_SEED");
  return seed == nullptr ? 20261124 : std::strtoull(seed, nullptr, 10);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  uint64_t seed = seed_of_run();
  for (const Layout& layout : kLayouts) {
    for (const Numbers numbers : kAllNumbers) {
      // Large tensors are there for how work is cut up, and take most of the time: two kinds of numbers are enough.
      if (layout.size() > 50000 && numbers != Numbers::kRandom && numbers != Numbers::kSpecial) {
        ++seed;
        continue;
      }
      cases.push_back(make_case(layout, numbers, false, seed++));
      if (numbers == Numbers::kSpecial) cases.push_back(make_case(layout, numbers, true, seed++));
    }
  }
  return cases;
}

std::vector<Execution> all_executions(bool uses_execution) {
  if (!uses_execution) return {Execution()};
  return {Execution(), Execution{run_in_small_pieces_backwards}};
}

}  // namespace pare::backends::conformance
