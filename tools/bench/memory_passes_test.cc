#include "tools/bench/memory_passes.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace pare::tools::bench {
namespace {

constexpr int64_t kMost = 200;

TEST(MemoryPasses, EveryLengthIsReadWhole) {
  std::vector<float> x(kMost);
  for (int64_t i = 0; i < kMost; ++i) x[i] = static_cast<float>(i + 1);
  for (int64_t count = 0; count <= kMost; ++count) {
    EXPECT_EQ(read_pass(x.data(), count), static_cast<float>(count * (count + 1) / 2)) << count;
  }
}

TEST(MemoryPasses, EveryLengthIsCopiedAndNoMore) {
  std::vector<float> x(kMost + 1);
  for (int64_t i = 0; i <= kMost; ++i) x[i] = static_cast<float>(i + 1);
  alignas(64) float y[kMost + 1];
  for (int64_t count = 0; count <= kMost; ++count) {
    for (float& number : y) number = -1;
    // From an address that no vector is aligned to.
    streaming_copy(x.data() + 1, count, y);
    for (int64_t i = 0; i <= kMost; ++i) ASSERT_EQ(y[i], i < count ? x[i + 1] : -1) << count << ", " << i;
  }
}

}  // namespace
}  // namespace pare::tools::bench
