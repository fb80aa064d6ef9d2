#include "backends/vulkan/call.h"

#include <sys/mman.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/testing.h"
#include "backends/vulkan/testing_shaders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;

// The kernel of call.h's example.
absl::Status negate(const float* x, float* y, int64_t size, Device* host_device = nullptr) {
  Call call({x, y}, host_device);
  const Buffer in = call.input(x, size), out = call.output(y, size);
  for_each_piece(call, Layout::per_tensor(size), sizeof(float), [&](const Piece& piece) {
    call.dispatch(shaders::negate_f32, {piece.of(in, x), piece.of(out, y)}, piece.constants.count, {},
                  piece.invocations);
  });
  return call.finish();
}

struct AddConstants {
  uint32_t count;
  float number;
};

// x += times * number
absl::Status add(float* x, uint32_t size, float number, uint32_t times = 1) {
  Call call({x});
  const Buffer numbers = call.in_out(x, size);
  call.dispatch(shaders::add, {numbers}, AddConstants{size, number}, {times}, size);
  return call.finish();
}

std::vector<float> counting(size_t size) {
  std::vector<float> numbers(size);
  std::iota(numbers.begin(), numbers.end(), 1.0f);
  return numbers;
}

class CallTest : public VulkanTest {};

TEST_F(CallTest, TakesHostMemoryOfAnySizeAndAlignment) {
  for (int64_t size : {0, 1, 3, 4, 5, 1000, 70'001}) {
    for (int64_t shift : {0, 1, 3}) {
      std::vector<float> x = counting(size + 8), y(size + 8, 7.0f);
      ASSERT_EQ(negate(x.data() + shift, y.data() + shift, size), absl::OkStatus());
      ASSERT_EQ(negate(x.data() + shift, x.data() + shift, size), absl::OkStatus());
      for (int64_t i = 0; i < size + 8; ++i) {
        const bool inside = i >= shift && i < shift + size;
        ASSERT_EQ(y[i], inside ? -(i + 1.0f) : 7.0f) << size << " elements, at " << i;
        ASSERT_EQ(x[i], inside ? -(i + 1.0f) : i + 1.0f) << size << " elements in place, at " << i;
      }
    }
  }
  EXPECT_EQ(negate(nullptr, nullptr, 0), absl::OkStatus());
}

TEST_F(CallTest, TakesViewsOfDeviceTensorsAndSparesTheirNeighbours) {
  for (int64_t size : {1, 6, 8, 1001}) {
    for (int64_t shift : {0, 1, 4, 64}) {
      float* const x = to_device(counting(size + 72));
      float* const y = to_device(std::vector<float>(size + 72, 7.0f));
      ASSERT_EQ(negate(x + shift, y + shift, size), absl::OkStatus());
      ASSERT_EQ(negate(x + shift, x + shift, size), absl::OkStatus());
      const std::vector<float> host_x = to_host(x, size + 72), host_y = to_host(y, size + 72);
      for (int64_t i = 0; i < size + 72; ++i) {
        const bool inside = i >= shift && i < shift + size;
        ASSERT_EQ(host_y[i], inside ? -(i + 1.0f) : 7.0f) << size << " elements from " << shift << ", at " << i;
        ASSERT_EQ(host_x[i], inside ? -(i + 1.0f) : i + 1.0f) << size << " elements from " << shift << ", at " << i;
      }
      ASSERT_EQ(device_->free(x), absl::OkStatus());
      ASSERT_EQ(device_->free(y), absl::OkStatus());
    }
  }
}

TEST_F(CallTest, ImportsLargeAlignedHostMemory) {
  if (!device_->properties().host_import) GTEST_SKIP() << "the device does not import host memory";
  const size_t size = 1 << 20;
  const size_t bytes = (size + 16) * sizeof(float);
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  float* const x = static_cast<float*>(pages);
  for (size_t i = 0; i < size + 16; ++i) x[i] = i;
  const uint64_t before = device_->statistics().imported_bytes;
  // Not at the beginning of a page.
  EXPECT_EQ(negate(x + 8, x + 8, size), absl::OkStatus());
  EXPECT_EQ(device_->statistics().imported_bytes - before, size * sizeof(float));
  for (size_t i = 0; i < size + 16; ++i) {
    ASSERT_EQ(x[i], i >= 8 && i < size + 8 ? -static_cast<float>(i) : static_cast<float>(i)) << i;
  }
  munmap(pages, bytes);
}

TEST_F(CallTest, RecordsManyDispatchesIntoOneSubmissionInTheirOrder) {
  float* const x = to_device(std::vector<float>(1000, 1.0f));
  ASSERT_EQ(device_->synchronize(), absl::OkStatus());
  const DeviceStatistics before = device_->statistics();
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(add(x, 1000, 1.0f), absl::OkStatus());
    ASSERT_EQ(negate(x, x, 1000), absl::OkStatus());
  }
  EXPECT_EQ(device_->statistics().submissions, before.submissions);
  EXPECT_THAT(to_host(x, 1000), Each(1.0f));  // 1 -> -2 -> 1 -> ...
  EXPECT_EQ(device_->statistics().dispatches, before.dispatches + 100);
  EXPECT_EQ(device_->statistics().submissions, before.submissions + 1);
  // More than a batch, more descriptor sets than a page, more submissions than are kept.
  for (int i = 0; i < 2'000; ++i) ASSERT_EQ(add(x, 1000, 0.5f, 2), absl::OkStatus());
  EXPECT_THAT(to_host(x, 1000), Each(2001.0f));
  EXPECT_EQ(device_->free(x), absl::OkStatus());
}

TEST_F(CallTest, FreedMemoryServesTheNextCallOnlyAfterThePreviousOne) {
  std::vector<float> results;
  for (int i = 0; i < 20; ++i) {
    float* const x = to_device(counting(5000));
    float* const y = allocate<float>(5000);
    ASSERT_EQ(negate(x, y, 5000), absl::OkStatus());
    ASSERT_EQ(device_->free(x), absl::OkStatus());
    float* const z = to_device(std::vector<float>(5000, 9.0f));  // takes x's place, while y may not be computed yet
    EXPECT_EQ(to_host(y, 5000)[4999], -5000.0f);
    ASSERT_EQ(device_->free(y), absl::OkStatus());
    ASSERT_EQ(device_->free(z), absl::OkStatus());
  }
}

TEST_F(CallTest, ScratchFillConstantsAndResultsInBetween) {
  Call call({}, device_);
  const Buffer scratch = call.scratch(40);
  call.fill(scratch, std::bit_cast<uint32_t>(2.5f));
  call.dispatch(shaders::add, {scratch}, AddConstants{10, 1.0f}, {3}, 10);
  std::vector<float> numbers(10);
  ASSERT_EQ(call.read(scratch, numbers.data()), absl::OkStatus());
  EXPECT_THAT(numbers, Each(5.5f));
  const std::vector<float> given = counting(8);
  const Buffer constants = call.constants(given.data(), 32);
  call.dispatch(shaders::negate_f32, {constants, scratch}, uint32_t{8}, {}, 8);
  ASSERT_EQ(call.read(scratch.range(0, 32), numbers.data()), absl::OkStatus());
  EXPECT_EQ(numbers[0], -1.0f);
  EXPECT_EQ(numbers[7], -8.0f);
  EXPECT_EQ(call.finish(), absl::OkStatus());
}

// Integers, so that every order of additions has the same sum.
TEST_F(CallTest, ReductionsOfBothKinds) {
  const uint32_t size = 100'003, groups = 7;
  std::vector<float> x(2 * size);
  double sum = 0;
  for (uint32_t i = 0; i < size; ++i) {
    x[2 * i] = i % 101;
    x[2 * i + 1] = -static_cast<float>((i * 7 + 3) % size);
    sum += x[2 * i];
  }
  std::vector<const Shader*> kinds = {&shaders::sum_shared};
  if (device_->properties().subgroups) kinds.push_back(&shaders::sum_subgroups);
  for (const Shader* shader : kinds) {
    std::vector<float> result(2);
    Call call({x.data()});
    const Buffer in = call.input(x.data(), 2 * size), out = call.output(result.data(), 2);
    const Buffer partial = call.scratch(groups * 8);
    call.dispatch_groups(*shader, {in, partial}, size, {}, groups);
    call.dispatch_groups(*shader, {partial.read_only(), out}, groups, {}, 1);
    ASSERT_EQ(call.finish(), absl::OkStatus());
    EXPECT_EQ(result[0], sum) << shader->name;
    EXPECT_EQ(result[1], 0.0f) << shader->name;
  }
}

float half_to_float(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const float sign = bits >> 15 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa ? std::numeric_limits<float>::quiet_NaN() : sign * INFINITY;
  return sign * std::ldexp(exponent == 0 ? mantissa : mantissa + 1024, std::max(exponent, 1) - 25);
}

TEST_F(CallTest, HalfPrecisionIsConvertedExactlyAndRoundedToEven) {
  const uint32_t count = 1 << 16;
  std::vector<uint16_t> packed(count);
  std::iota(packed.begin(), packed.end(), 0);
  for (const bool brain : {false, true}) {
    const Shader& shader = brain ? shaders::convert_bf16 : shaders::convert_f16;
    std::vector<uint32_t> bits(count);
    Call call({packed.data()});
    call.dispatch(shader, {call.input(packed.data(), count), call.output(bits.data(), count)}, count, {0}, count);
    ASSERT_EQ(call.finish(), absl::OkStatus());
    for (uint32_t i = 0; i < count; ++i) {
      const float expected = brain ? std::bit_cast<float>(i << 16) : half_to_float(i);
      const float actual = std::bit_cast<float>(bits[i]);
      ASSERT_TRUE(std::isnan(expected) ? std::isnan(actual) : bits[i] == std::bit_cast<uint32_t>(expected)) << i;
    }
  }
  // Between two neighbours: below the middle, in it, above it. Their nearest, and the even one in the middle.
  for (const bool brain : {false, true}) {
    const uint16_t infinity = brain ? 0x7f80 : 0x7c00;
    const uint16_t smallest = brain ? 0x80 : 0;  // a device may flush float32's denormal numbers, and bfloat16's
    std::vector<float> numbers;
    std::vector<uint16_t> expected;
    for (uint16_t low = smallest; low < infinity - 1; ++low) {
      const auto value = [&](uint16_t x) { return brain ? std::bit_cast<float>(uint32_t{x} << 16) : half_to_float(x); };
      const float middle = (double{value(low)} + value(low + 1)) / 2;
      const uint16_t even = low % 2 == 0 ? low : low + 1;
      for (const auto& [number, nearest] : {std::pair<float, uint16_t>{std::nextafter(middle, 0.0f), low},
                                            {middle, even},
                                            {std::nextafter(middle, INFINITY), low + 1}}) {
        if (number != 0 && number < std::numeric_limits<float>::min()) continue;
        numbers.insert(numbers.end(), {number, -number});
        expected.insert(expected.end(), {nearest, static_cast<uint16_t>(nearest | 0x8000)});
      }
    }
    const float largest = brain ? std::bit_cast<float>(0x7f7fffffu) : 65520.0f;
    numbers.insert(numbers.end(), {largest, std::nextafter(65520.0f, 0.0f), 1e30f, INFINITY, -INFINITY, 0.0f, -0.0f});
    expected.insert(expected.end(), {infinity, static_cast<uint16_t>(brain ? 0x4780 : 0x7bff),
                                     static_cast<uint16_t>(brain ? 0x714a : 0x7c00), infinity,
                                     static_cast<uint16_t>(infinity | 0x8000), 0, 0x8000});
    numbers.push_back(std::numeric_limits<float>::quiet_NaN());
    const uint32_t size = numbers.size();
    std::vector<uint16_t> result(size);
    Call call({numbers.data()});
    call.dispatch(brain ? shaders::convert_bf16 : shaders::convert_f16,
                  {call.output(result.data(), size), call.input(numbers.data(), size)}, size, {1}, size);
    ASSERT_EQ(call.finish(), absl::OkStatus());
    for (uint32_t i = 0; i + 1 < size; ++i) ASSERT_EQ(result[i], expected[i]) << numbers[i] << ", bfloat " << brain;
    EXPECT_GT(result.back() & 0x7fff, infinity);
  }
}

TEST_F(CallTest, SaysWhatIsWrongWithItsPointers) {
  std::vector<float> host = counting(100);
  EXPECT_EQ(negate(nullptr, host.data(), 5).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(negate(host.data(), host.data() + 1, 50).message(), HasSubstr("overlaps"));
  float* const x = to_device(host);
  EXPECT_THAT(negate(x, x, 101).message(), HasSubstr("has 400 left"));
  EXPECT_EQ(device_->free(x + 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(device_->free(x), absl::OkStatus());
  EXPECT_THAT(negate(x, x, 100).message(), HasSubstr("freed"));
  EXPECT_EQ(device_->free(x).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(host, counting(100));

  float* const of_first = to_device(host);
  Device* const first = device_;
  reopen({});
  float* const of_second = to_device(host);
  EXPECT_THAT(negate(of_first, of_second, 10).message(), HasSubstr("two Vulkan devices"));
  EXPECT_EQ(first->free(of_first), absl::OkStatus());
}

TEST_F(CallTest, WorksFromManyThreads) {
  float* const shared = to_device(std::vector<float>(64, 0.0f));
  std::vector<std::thread> threads;
  std::vector<absl::Status> statuses(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<float> x = counting(3000);
      for (int i = 0; i < 50; ++i) {
        statuses[t].Update(negate(x.data(), x.data(), 3000));
        statuses[t].Update(add(shared, 64, 1.0f));
      }
      if (x != counting(3000)) statuses[t].Update(absl::InternalError("wrong result"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(statuses, Each(absl::OkStatus()));
  EXPECT_THAT(to_host(shared, 64), Each(200.0f));
  EXPECT_EQ(device_->free(shared), absl::OkStatus());
}

// As on a card with memory of its own: nothing is mapped, everything goes through the ring, in several slots.
TEST_F(CallTest, StagesWhereTheHostSeesNoDeviceMemory) {
  DeviceOptions options;
  options.adjust_plan = [](DevicePlan& plan) {
    plan.unified_memory = plan.host_import = false;
    plan.staging_slot_bytes = 4096;
  };
  reopen(options);
  for (int64_t size : {1, 1023, 100'001}) {
    std::vector<float> x = counting(size);
    ASSERT_EQ(negate(x.data(), x.data(), size, device_), absl::OkStatus());
    float* const y = to_device(x);
    ASSERT_EQ(negate(y, y, size), absl::OkStatus());
    EXPECT_EQ(to_host(y, size), counting(size));
    EXPECT_EQ(device_->free(y), absl::OkStatus());
    for (int64_t i = 0; i < size; ++i) ASSERT_EQ(x[i], -(i + 1.0f));
  }
}

TEST_F(CallTest, OutOfMemoryIsAnErrorAndNothingIsLost) {
  DeviceOptions options;
  options.adjust_plan = [](DevicePlan& plan) {
    plan.block_bytes = 1 << 20;
    plan.memory_bytes = 8 << 20;
  };
  reopen(options);
  const MemoryStatistics before = device_->statistics().memory;
  float* const x = to_device(counting(1 << 20));
  EXPECT_EQ(device_->allocate(4 << 20).status().code(), absl::StatusCode::kResourceExhausted);
  // A kernel that needs staging memory for two tensors as large.
  std::vector<float> host = counting((1 << 20) + 1);
  EXPECT_EQ(negate(host.data(), host.data(), host.size(), device_).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(host, counting((1 << 20) + 1));
  EXPECT_EQ(negate(x, x, 1 << 20), absl::OkStatus());
  EXPECT_EQ(to_host(x, 1 << 20)[77], -78.0f);
  EXPECT_EQ(device_->free(x), absl::OkStatus());
  // The kept block is too small for this: it goes back to the driver.
  const auto large = device_->allocate(7 << 20);
  ASSERT_EQ(large.status(), absl::OkStatus());
  EXPECT_EQ(device_->free(*large), absl::OkStatus());
  EXPECT_EQ(device_->statistics().memory.used_bytes, before.used_bytes);
  EXPECT_EQ(device_->trim(), absl::OkStatus());
  EXPECT_EQ(device_->statistics().memory.reserved_bytes, before.reserved_bytes);
  EXPECT_EQ(device_->allocate(uint64_t{1} << 50).status().code(), absl::StatusCode::kResourceExhausted);
}

bool allocation_fails = false;
PFN_vkAllocateMemory allocate_memory = nullptr;
VKAPI_ATTR VkResult VKAPI_CALL allocate_or_fail(VkDevice device, const VkMemoryAllocateInfo* info,
                                                const VkAllocationCallbacks* callbacks, VkDeviceMemory* memory) {
  return allocation_fails ? VK_ERROR_OUT_OF_DEVICE_MEMORY : allocate_memory(device, info, callbacks, memory);
}

TEST_F(CallTest, TheDriversOutOfMemoryAsWell) {
  DeviceOptions options;
  options.adjust_functions = [](DeviceFunctions& functions) {
    allocate_memory = functions.AllocateMemory;
    functions.AllocateMemory = allocate_or_fail;
  };
  reopen(options);
  allocation_fails = true;
  std::vector<float> host = counting(30 << 20);
  const absl::Status status = negate(host.data(), host.data(), host.size(), device_);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(host[5], 6.0f);
  allocation_fails = false;
  EXPECT_EQ(negate(host.data(), host.data(), host.size(), device_), absl::OkStatus());
  EXPECT_EQ(host[5], -6.0f);
}

bool device_is_lost = false;
PFN_vkQueueSubmit queue_submit = nullptr;
VKAPI_ATTR VkResult VKAPI_CALL submit_or_lose(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  return device_is_lost ? VK_ERROR_DEVICE_LOST : queue_submit(queue, count, infos, fence);
}

TEST_F(CallTest, ALostDeviceRefusesWorkAndFreesAll) {
  Device* const healthy = device_;
  DeviceOptions options;
  options.adjust_functions = [](DeviceFunctions& functions) {
    queue_submit = functions.QueueSubmit;
    functions.QueueSubmit = submit_or_lose;
  };
  device_is_lost = false;
  reopen(options);
  std::vector<float> host = counting(1 << 20);
  float* const x = to_device(host);
  ASSERT_EQ(negate(x, x, 1 << 20), absl::OkStatus());
  ASSERT_EQ(device_->synchronize(), absl::OkStatus());
  ASSERT_EQ(negate(x, x, 1 << 20), absl::OkStatus());  // recorded only
  device_is_lost = true;
  const absl::Status lost = device_->synchronize();
  EXPECT_EQ(lost.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(lost.message(), HasSubstr("was lost"));
  device_is_lost = false;
  EXPECT_EQ(negate(x, x, 1 << 20), lost);
  EXPECT_EQ(negate(host.data(), host.data(), 1 << 20, device_), lost);
  EXPECT_EQ(host, counting(1 << 20));
  EXPECT_EQ(device_->allocate(16).status(), lost);
  EXPECT_EQ(device_->copy_to_host(host.data(), x, 16), lost);
  EXPECT_EQ(device_->copy_to_device(x, host.data(), 16), lost);
  EXPECT_EQ(device_->free(x), absl::OkStatus());
  // Another device goes on.
  EXPECT_EQ(negate(host.data(), host.data(), 5, healthy), absl::OkStatus());
  EXPECT_EQ(host[4], -5.0f);
  device_ = healthy;
}

bool submissions_fail = false;
VKAPI_ATTR VkResult VKAPI_CALL submit_or_fail(VkQueue queue, uint32_t count, const VkSubmitInfo* infos, VkFence fence) {
  return submissions_fail ? VK_ERROR_OUT_OF_HOST_MEMORY : queue_submit(queue, count, infos, fence);
}

// What was recorded is lost with its barriers; the order of what comes before and behind it is not. The validation
// layer watches.
TEST_F(CallTest, AFailedSubmissionIsAnErrorAndTheNextOneIsInOrder) {
  DeviceOptions options;
  options.adjust_functions = [](DeviceFunctions& functions) {
    queue_submit = functions.QueueSubmit;
    functions.QueueSubmit = submit_or_fail;
  };
  submissions_fail = false;
  reopen(options);
  float* const x = to_device(counting(1000));
  float* const y = allocate<float>(1000);
  float* const z = allocate<float>(1000);
  ASSERT_EQ(negate(x, y, 1000), absl::OkStatus());
  {
    const std::lock_guard<std::mutex> lock(device_->state().mutex);
    ASSERT_EQ(device_->state().batch().submit(), absl::OkStatus());
  }
  ASSERT_EQ(negate(y, z, 1000), absl::OkStatus());
  submissions_fail = true;
  EXPECT_EQ(device_->synchronize().code(), absl::StatusCode::kResourceExhausted);
  {
    const std::lock_guard<std::mutex> lock(device_->state().mutex);
    EXPECT_TRUE(device_->state().batch().idle());
  }
  submissions_fail = false;
  ASSERT_EQ(negate(y, z, 1000), absl::OkStatus());
  EXPECT_EQ(to_host(z, 1000), counting(1000));
  for (float* pointer : {x, y, z}) EXPECT_EQ(device_->free(pointer), absl::OkStatus());
}

TEST_F(CallTest, TheValidationLayerListens) {
  if (!(*instance())->validated) GTEST_SKIP() << "there is no validation layer";
  DeviceState& state = device_->state();
  {
    const std::lock_guard<std::mutex> lock(state.mutex);
    VkBuffer buffer = VK_NULL_HANDLE;
    VkBufferCreateInfo info{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};  // of no bytes, which is an error
    info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    if (state.logical().functions().CreateBuffer(state.logical().handle(), &info, nullptr, &buffer) == VK_SUCCESS) {
      state.logical().functions().DestroyBuffer(state.logical().handle(), buffer, nullptr);
    }
  }
  EXPECT_THAT(take_validation_messages(), Contains(HasSubstr("VkBufferCreateInfo-size")));
}

TEST_F(CallTest, DevicesAreChosenByIndexAndName) {
  const auto devices = list_devices();
  ASSERT_EQ(devices.status(), absl::OkStatus());
  const DeviceProperties& mine = device_->properties();
  EXPECT_EQ((*devices)[mine.index].name, mine.name);
  EXPECT_EQ(*select_device(std::to_string(mine.index)), device_);
  EXPECT_EQ(*select_device(mine.name.substr(0, 4)), device_);
  EXPECT_EQ(*selected_device(), device_);
  const absl::Status status = select_device("no such device").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(mine.name));
  EXPECT_EQ(*selected_device(), device_);
}

}  // namespace
}  // namespace pare::backends::vulkan
