// The driver for GPUs on made-up functions of NVIDIA's driver: what is called, with what, and what comes of errors.

#include "backends/cuda/gpu.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "backends/cuda/sources.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::cuda {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What the functions have seen, and are to do.
struct World {
  int result = 0;
  std::vector<std::string> calls;
  std::vector<int> arguments;
  std::vector<const void*> streams;  // of copies, launches and waits
  char memory[2][4096] = {};         // of each device
};
World world;

// Of this thread: -1 for none, as a thread begins.
thread_local std::vector<int> contexts;

int current() { return contexts.empty() ? -1 : contexts.back(); }

// As the driver does, a call with no device or another one's memory fails.
constexpr int kInvalidContext = 201;

int note(const std::string& call, int device) {
  if (current() != device) return kInvalidContext;
  world.calls.push_back(call);
  return world.result;
}

int owner_of(uint64_t pointer) {
  for (int device = 0; device < 2; ++device) {
    const auto begin = reinterpret_cast<uint64_t>(world.memory[device]);
    if (pointer >= begin && pointer < begin + sizeof(world.memory[device])) return device;
  }
  return -1;
}

CudaApi fake_api() {
  CudaApi api;
  api.error_name = [](int error, const char** name) {
    *name = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_LAUNCH_FAILED";
    return 0;
  };
  api.device_count = [](int* count) {
    *count = 2;
    return 0;
  };
  api.device_name = [](char* name, int, int device) {
    std::strcpy(name, device == 0 ? "Card Zero" : "Card One");
    return 0;
  };
  api.device_memory = [](size_t* bytes, int) {
    *bytes = 1 << 30;
    return 0;
  };
  api.device_attribute = [](int* value, int attribute, int device) {
    *value = attribute == 16 ? 100 : attribute == 75 ? 8 + device : 0;
    return 0;
  };
  api.retain_primary_context = [](void** context, int device) {
    *context = reinterpret_cast<void*>(intptr_t{device} + 1);
    world.calls.push_back("open " + std::to_string(device));
    return world.result;
  };
  api.push_context = [](void* context) {
    contexts.push_back(static_cast<int>(reinterpret_cast<intptr_t>(context)) - 1);
    return 0;
  };
  api.pop_context = [](void**) {
    contexts.pop_back();
    return 0;
  };
  api.default_pool = [](void** pool, int) {
    *pool = &world;
    return 0;
  };
  api.set_pool_attribute = [](void*, int attribute, void* value) {
    return attribute == 4 && *static_cast<uint64_t*>(value) == UINT64_MAX ? 0 : 1;
  };
  api.pointer_attribute = [](void* value, int attribute, uint64_t pointer) {
    if (owner_of(pointer) < 0) return 1;
    if (attribute == 2) {
      *static_cast<unsigned*>(value) = 2;
    } else if (attribute == 9) {
      *static_cast<int*>(value) = owner_of(pointer);
    } else {
      return 1;
    }
    return 0;
  };
  api.allocate_async = [](uint64_t* pointer, size_t, void*) {
    if (current() < 0) return kInvalidContext;
    *pointer = reinterpret_cast<uint64_t>(world.memory[current()]);
    return world.result;
  };
  api.free_async = [](uint64_t pointer, void*) { return note("free", owner_of(pointer)); };
  api.copy_from_host = [](uint64_t to, const void* from, size_t bytes, void* stream) {
    world.streams.push_back(stream);
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
    return note("from host", owner_of(to));
  };
  api.copy_to_host = [](void* to, uint64_t from, size_t bytes, void* stream) {
    world.streams.push_back(stream);
    std::memcpy(to, reinterpret_cast<void*>(from), bytes);
    return note("to host", owner_of(from));
  };
  api.stream_synchronize = [](void* stream) {
    world.streams.push_back(stream);
    return current() < 0 ? kInvalidContext : note("wait", current());
  };
  api.load_module = [](void** module, const void* binary) {
    *module = &world;
    return note(std::string("load ") + static_cast<const char*>(binary), current());
  };
  api.module_function = [](void** function, void*, const char* name) {
    *function = &world;
    return note(std::string("find ") + name, current());
  };
  api.launch = [](void*, unsigned blocks, unsigned, unsigned, unsigned threads, unsigned, unsigned, unsigned,
                  void* stream, void** arguments, void**) {
    world.streams.push_back(stream);
    world.arguments = {*static_cast<int*>(arguments[0]), *static_cast<int*>(arguments[1])};
    return note(
        "launch " + std::to_string(blocks) + " x " + std::to_string(threads) + " on " + std::to_string(current()),
        current());
  };
  return api;
}

NvrtcFunctions fake_nvrtc() {
  static std::string binary;
  NvrtcFunctions nvrtc;
  nvrtc.version = [](int* major, int* minor) {
    *major = *minor = 1;
    return 0;
  };
  nvrtc.create_program = [](void** program, const char*, const char*, int, const char* const*, const char* const*) {
    *program = &binary;
    return 0;
  };
  nvrtc.destroy_program = [](void**) { return 0; };
  nvrtc.architecture_count = [](int* count) {
    *count = 2;
    return 0;
  };
  nvrtc.architectures = [](int* architectures) {
    architectures[0] = 80;
    architectures[1] = 90;
    return 0;
  };
  nvrtc.compile_program = [](void*, int, const char* const* options) {
    binary = options[0];  // The architecture.
    binary.push_back('\0');
    world.calls.push_back("compile");
    return 0;
  };
  nvrtc.cubin_size = [](void*, size_t* bytes) {
    *bytes = binary.size();
    return 0;
  };
  nvrtc.cubin = [](void*, char* cubin) {
    std::memcpy(cubin, binary.data(), binary.size());
    return 0;
  };
  return nvrtc;
}

class GpuTest : public ::testing::Test {
 protected:
  GpuTest() {
    world = World();
    EXPECT_TRUE(gpu_.select_device(0).ok());
    world.calls.clear();
  }
  void TearDown() override { EXPECT_TRUE(contexts.empty()) << "the caller's device is as it was"; }

  absl::Status launch() {
    int first = 7, second = 9;
    const Argument arguments[] = {{&first, sizeof(first)}, {&second, sizeof(second)}};
    return gpu_.launch({&sources::masks, "apply_mask", ElementType::kFloat}, {3, 64}, arguments);
  }
  Gpu gpu_{fake_api(), fake_nvrtc(), ""};
};

TEST_F(GpuTest, DevicesAreDescribed) {
  const auto devices = gpu_.devices();
  ASSERT_TRUE(devices.ok());
  ASSERT_EQ(devices->size(), 2);
  EXPECT_EQ((*devices)[1].name, "Card One");
  EXPECT_EQ((*devices)[1].architecture, 90);
  EXPECT_EQ((*devices)[0].multiprocessors, 100);
  EXPECT_EQ(gpu_.select_device(2).code(), absl::StatusCode::kNotFound);
}

TEST_F(GpuTest, AKernelIsCompiledAndLoadedOnceADevice) {
  ASSERT_TRUE(launch().ok());
  EXPECT_THAT(world.calls,
              ElementsAre("compile", "load --gpu-architecture=sm_80", "find apply_mask", "launch 3 x 64 on 0"));
  EXPECT_THAT(world.arguments, ElementsAre(7, 9));
  world.calls.clear();
  ASSERT_TRUE(launch().ok());
  EXPECT_THAT(world.calls, ElementsAre("launch 3 x 64 on 0"));
  world.calls.clear();
  ASSERT_TRUE(gpu_.select_device(1).ok());
  ASSERT_TRUE(launch().ok());
  EXPECT_THAT(world.calls, ElementsAre("open 1", "compile", "load --gpu-architecture=sm_90", "find apply_mask",
                                       "launch 3 x 64 on 1"));
}

TEST_F(GpuTest, ADeviceThatCannotBeOpenedIsNotSelected) {
  world.result = 2;
  EXPECT_EQ(gpu_.select_device(1).code(), absl::StatusCode::kResourceExhausted);
  world.result = 0;
  EXPECT_EQ(gpu_.current_device()->index, 0);
}

TEST_F(GpuTest, CopiesWithTheHostAreThereWhenTheyReturn) {
  char from[] = "numbers", to[8] = {};
  void* const device = *gpu_.allocate(8);
  EXPECT_EQ(gpu_.device_of(device), 0);
  EXPECT_EQ(gpu_.device_of(from), -1);
  ASSERT_TRUE(gpu_.copy_from_host(device, from, 8).ok());
  ASSERT_TRUE(gpu_.copy_to_host(to, device, 8).ok());
  EXPECT_STREQ(to, "numbers");
  EXPECT_THAT(world.calls, ElementsAre("from host", "wait", "to host", "wait"));
  gpu_.free(device);
  EXPECT_EQ(world.calls.back(), "free");
}

TEST_F(GpuTest, WorksFromAnyThreadOnTheDeviceThatMemoryBelongsTo) {
  void* const device = *gpu_.allocate(8);
  ASSERT_TRUE(gpu_.select_device(1).ok());
  world.calls.clear();
  std::thread([&] {
    char number[8] = {};
    EXPECT_TRUE(gpu_.copy_from_host(device, number, 8).ok());
    EXPECT_TRUE(gpu_.copy_to_host(number, device, 8).ok());
    EXPECT_TRUE(gpu_.synchronize().ok());
    EXPECT_TRUE(launch().ok());
    gpu_.free(device);
  }).join();
  EXPECT_EQ(world.calls.back(), "free");
  EXPECT_THAT(world.calls, Contains("launch 3 x 64 on 1"));
}

TEST_F(GpuTest, ErrorsSayWhatWasDone) {
  world.result = 2;
  EXPECT_EQ(gpu_.allocate(8).status().code(), absl::StatusCode::kResourceExhausted);
  world.result = 719;
  const absl::Status status = gpu_.synchronize();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("waiting for kernels: CUDA_ERROR_LAUNCH_FAILED (719)"));
}

// Those of a library: a device of each thread, a stream of each device, memory of its own.
class LibraryStreams : public Streams {
 public:
  absl::StatusOr<int> current_device() override { return device(); }
  absl::Status set_device(int index) override {
    device() = index;
    return absl::OkStatus();
  }
  absl::StatusOr<CudaApi::Stream> current_stream(int index) override { return &stream[index]; }
  absl::StatusOr<void*> allocate(int64_t bytes) override {
    allocated.push_back(bytes);
    return world.memory[device()];
  }
  void free(void* pointer) override { freed.push_back(pointer); }
  std::vector<std::string> nvrtc_libraries() override { return {}; }

  static int& device() {
    thread_local int index = 0;
    return index;
  }
  char stream[2];
  std::vector<int64_t> allocated;
  std::vector<void*> freed;
};

class GpuOfLibraryTest : public GpuTest {
 protected:
  GpuOfLibraryTest() {
    LibraryStreams::device() = 0;
    EXPECT_TRUE(library_gpu_.select_device(Driver::kDefaultDevice).ok());
    world = World();
  }
  absl::Status launch() {
    int first = 7, second = 9;
    const Argument arguments[] = {{&first, sizeof(first)}, {&second, sizeof(second)}};
    return library_gpu_.launch({&sources::masks, "apply_mask", ElementType::kFloat}, {3, 64}, arguments);
  }
  LibraryStreams streams_;
  Gpu library_gpu_{fake_api(), fake_nvrtc(), "", &streams_};
};

TEST_F(GpuOfLibraryTest, KernelsGoWhereTheLibrarysGo) {
  for (const int device : {1, 0}) {
    LibraryStreams::device() = device;
    world = World();
    ASSERT_TRUE(launch().ok());
    EXPECT_THAT(world.calls, Contains("launch 3 x 64 on " + std::to_string(device)));
    EXPECT_THAT(world.streams, ElementsAre(&streams_.stream[device]));
    ASSERT_TRUE(library_gpu_.synchronize().ok());
    EXPECT_EQ(world.streams.back(), &streams_.stream[device]);
  }
}

TEST_F(GpuOfLibraryTest, MemoryIsTheLibrarys) {
  LibraryStreams::device() = 1;
  const auto memory = library_gpu_.allocate(0);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(*memory, world.memory[1]);
  EXPECT_THAT(streams_.allocated, ElementsAre(1)) << "nothing is no size for an allocator";
  library_gpu_.free(*memory);
  EXPECT_THAT(streams_.freed, ElementsAre(world.memory[1]));
  EXPECT_THAT(world.calls, Not(Contains("free")));
}

TEST_F(GpuOfLibraryTest, CopiesAreOnTheStreamOfTheirDevice) {
  char host[4] = "abc";
  ASSERT_TRUE(library_gpu_.copy_from_host(world.memory[1], host, 4).ok());
  EXPECT_THAT(world.streams, ElementsAre(&streams_.stream[1], &streams_.stream[1]));
}

TEST_F(GpuOfLibraryTest, AChosenDeviceBecomesTheLibrarysInEachThreadOnce) {
  ASSERT_TRUE(library_gpu_.select_device(1).ok());
  std::thread([&] {
    EXPECT_EQ(library_gpu_.current_device()->index, 1);
    LibraryStreams::device() = 0;  // As a guard around one operation does.
    EXPECT_EQ(library_gpu_.current_device()->index, 0);
  }).join();
  EXPECT_EQ(library_gpu_.current_device()->index, 1);
}

TEST(StreamsTest, AreTheDriversOwnUntilSomeAreUsed) {
  EXPECT_EQ(used_streams(), nullptr);
  static LibraryStreams streams;
  use_streams(&streams);
  EXPECT_EQ(used_streams(), &streams);
  use_streams(nullptr);
}

}  // namespace
}  // namespace pare::backends::cuda
