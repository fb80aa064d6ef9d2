#include "backends/cuda/emulator/fibers.h"

#include <vector>

#include "backends/cuda/emulator/device.h"
#include "backends/cuda/emulator/emulator.h"
#include "gtest/gtest.h"

namespace pare::backends::cuda::emulation {
namespace {

TEST(Fibers, ThreadsMeetAtABarrier) {
  std::vector<int> first(64), second(64);
  EXPECT_TRUE(run_block({3, 5}, 64, [&] {
    EXPECT_EQ(blockIdx.x, 3);
    EXPECT_EQ(gridDim.x, 5);
    EXPECT_EQ(blockDim.x, 64);
    first[threadIdx.x] = 1;
    synchronize_block();
    for (const int number : first) second[threadIdx.x] += number;
  }));
  EXPECT_EQ(second, std::vector<int>(64, 64));
}

TEST(Fibers, LanesOfAWarpExchangeNumbers) {
  std::vector<int> sums(64);
  EXPECT_TRUE(run_block({0, 1}, 64, [&] {
    int sum = static_cast<int>(threadIdx.x);
    for (int lane = 1; lane < 32; lane *= 2) sum += __shfl_xor_sync(0xFFFFFFFF, sum, lane);
    sums[threadIdx.x] = sum;
  }));
  EXPECT_EQ(sums[0], 31 * 32 / 2);
  EXPECT_EQ(sums[63], 31 * 32 / 2 + 32 * 32);
}

TEST(Fibers, ThreadsThatWaitForEachOtherInVainAreTold) {
  EXPECT_FALSE(run_block({0, 1}, 32, [] { threadIdx.x < 16 ? synchronize_block() : synchronize_warp(); }));
  EXPECT_TRUE(run_block({0, 1}, 32, [] { synchronize_block(); })) << "the next block runs all the same";
}

TEST(Fibers, AThreadThatHasEndedKeepsNobodyWaiting) {
  EXPECT_TRUE(run_block({0, 1}, 32, [] {
    if (threadIdx.x % 2 == 0) synchronize_block();
  }));
}

TEST(Emulator, FindsWhatIsWrittenBehindMemory) {
  auto* const memory = static_cast<char*>(*emulator()->allocate(10));
  memory[9] = 1;
  emulator()->free(memory);
  EXPECT_FALSE(take_emulated_overrun());
  auto* const other = static_cast<char*>(*emulator()->allocate(10));
  other[10] = 1;
  emulator()->free(other);
  EXPECT_TRUE(take_emulated_overrun());
  EXPECT_FALSE(take_emulated_overrun()) << "since the last time";
}

}  // namespace
}  // namespace pare::backends::cuda::emulation
