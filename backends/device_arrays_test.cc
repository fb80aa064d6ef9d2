#include "backends/device_arrays.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "backends/host_memory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::ElementsAre;

// Host memory that keeps a list of what was done, and has room for `room` arrays.
class ListingMemory : public HostMemory {
 public:
  explicit ListingMemory(int room) : room_(room) {}
  absl::StatusOr<void*> allocate(int64_t bytes) override {
    if (room_-- == 0) return absl::ResourceExhaustedError("full");
    done.push_back("allocate");
    return HostMemory::allocate(bytes);
  }
  void free(void* address) override {
    done.push_back("free");
    HostMemory::free(address);
  }
  absl::Status synchronize() override {
    done.push_back("synchronize");
    return absl::OkStatus();
  }

  std::vector<std::string> done;

 private:
  int room_;
};

TEST(DeviceArrays, HoldWhatIsAskedFor) {
  HostMemory memory;
  DeviceArrays arrays(memory);
  const auto read = [&](const auto& array, int64_t count) { return *arrays.read(*array, count); };
  EXPECT_THAT(read(arrays.copy_of<float>({1, 2, 3}), 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(read(arrays.repeated<int64_t>({1, 2, 3}, 7), 7), ElementsAre(1, 2, 3, 1, 2, 3, 1));
  EXPECT_THAT(read(arrays.repeated<int64_t>({1, 2, 3}, 2), 2), ElementsAre(1, 2));
  EXPECT_EQ(read(arrays.filled<uint8_t>(7, 200'000), 200'000), std::vector<uint8_t>(200'000, 7));
  EXPECT_TRUE(read(arrays.filled<float>(7, 0), 0).empty());
}

TEST(DeviceArrays, WaitBeforeTheyAreFreed) {
  ListingMemory memory(2);
  {
    DeviceArrays arrays(memory);
    EXPECT_TRUE(arrays.filled(0.0f, 4).ok());
    EXPECT_TRUE(arrays.filled(0.0f, 4).ok());
    EXPECT_EQ(arrays.filled(0.0f, 4).status().message(), "full");
  }
  EXPECT_THAT(memory.done, ElementsAre("allocate", "allocate", "synchronize", "free", "free"));
}

TEST(DeviceArrays, WhatDoesNotFitIsAnError) {
  HostMemory memory;
  DeviceArrays arrays(memory);
  constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
  for (const int64_t count : {int64_t{-1}, kGreatest, kGreatest / 4}) {
    EXPECT_EQ(arrays.filled(0.0f, count).status().code(), absl::StatusCode::kResourceExhausted) << count;
  }
}

TEST(HostMemory, ArraysBeginOnAPageAndAreCopiedWhole) {
  // Enough for several blocks of a parallel copy, and no multiple of one.
  constexpr int64_t kBytes = 300'001;
  HostMemory memory;
  std::vector<void*> addresses;
  for (int i = 0; i < 3; ++i) {
    addresses.push_back(*memory.allocate(kBytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(addresses.back()) % 256, 0);
  }
  std::vector<char> numbers(kBytes), copied(kBytes);
  for (int64_t i = 0; i < kBytes; ++i) numbers[i] = static_cast<char>(i * 31 >> 3);
  EXPECT_TRUE(memory.copy_from_host(addresses[0], numbers.data(), kBytes).ok());
  EXPECT_TRUE(memory.copy(addresses[1], addresses[0], kBytes).ok());
  EXPECT_TRUE(memory.copy_to_host(copied.data(), addresses[1], kBytes).ok());
  EXPECT_EQ(copied, numbers);
  for (void* address : addresses) memory.free(address);
  memory.free(nullptr);
}

}  // namespace
}  // namespace pare::backends
