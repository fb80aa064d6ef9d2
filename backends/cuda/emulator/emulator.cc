#include "backends/cuda/emulator/emulator.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/cuda/arguments.h"
#include "backends/cuda/emulator/device.h"
#include "backends/cuda/emulator/fibers.h"

namespace pare::backends::cuda {
namespace emulation {
namespace {

std::map<std::string, Entry>& entries() {
  static auto* const entries = new std::map<std::string, Entry>;
  return *entries;
}

std::string key(std::string_view type, std::string_view name) { return std::string(type) + " " + std::string(name); }

const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::kHalf:
      return "f16";
    case ElementType::kBFloat16:
      return "bf16";
    default:
      return "f32";
  }
}

}  // namespace

bool remember(std::string_view type, std::string_view name, Entry entry) {
  return entries().emplace(key(type, name), std::move(entry)).second;
}

}  // namespace emulation

namespace {

constexpr int kGuardBytes = 256;
constexpr unsigned char kFill = 0xFF;

class Emulator : public Driver {
 public:
  absl::StatusOr<std::vector<DeviceProperties>> devices() override {
    return std::vector<DeviceProperties>{{.name = "emulator", .architecture = 80, .multiprocessors = 2}};
  }
  absl::StatusOr<DeviceProperties> current_device() override { return (*devices())[0]; }
  absl::Status select_device(int index) override {
    return index == 0 || index == kDefaultDevice ? absl::OkStatus()
                                                 : absl::NotFoundError("the emulator is one device, 0");
  }

  int device_of(const void* pointer) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto next = blocks_.upper_bound(static_cast<const char*>(pointer));
    if (next == blocks_.begin()) return -1;
    --next;
    return static_cast<const char*>(pointer) <= next->first + next->second.bytes ? 0 : -1;
  }

  // Filled with what is no number, so that what nobody wrote shows, and with a guard behind that nobody may write.
  absl::StatusOr<void*> allocate(int64_t bytes) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const size_t rounded = (offset_ + bytes + kGuardBytes + 255) / 256 * 256;
    auto* const memory = static_cast<char*>(std::aligned_alloc(256, rounded));
    if (memory == nullptr) return absl::ResourceExhaustedError(absl::StrCat("no ", bytes, " bytes of memory"));
    std::memset(memory, kFill, rounded);
    blocks_[memory + offset_] = {bytes, memory};
    bytes_in_use_ += bytes;
    return memory + offset_;
  }
  void free(void* pointer) override {
    if (pointer == nullptr) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto block = blocks_.find(static_cast<char*>(pointer));
    for (int i = 0; i < kGuardBytes; ++i) {
      is_overrun_ |= static_cast<unsigned char>(block->first[block->second.bytes + i]) != kFill;
    }
    bytes_in_use_ -= block->second.bytes;
    std::free(block->second.memory);
    blocks_.erase(block);
  }
  void set_offset(int64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    offset_ = bytes;
  }
  bool take_overrun() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::exchange(is_overrun_, false);
  }
  int64_t bytes_in_use() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return bytes_in_use_;
  }

  absl::Status copy_from_host(void* to, const void* from, int64_t bytes) override { return copy(to, from, bytes); }
  absl::Status copy_to_host(void* to, const void* from, int64_t bytes) override { return copy(to, from, bytes); }
  absl::Status copy(void* to, const void* from, int64_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return absl::OkStatus();
  }
  absl::Status launch(const KernelName& kernel, LaunchShape shape, absl::Span<const Argument> arguments) override {
    const auto found = emulation::entries().find(emulation::key(emulation::name_of(kernel.element), kernel.name));
    if (found == emulation::entries().end()) {
      return absl::InternalError(absl::StrCat("there is no kernel ", kernel.name));
    }
    const emulation::Entry& entry = found->second;
    std::vector<void*> values;
    std::vector<size_t> bytes;
    for (const Argument& argument : arguments) {
      values.push_back(argument.value);
      bytes.push_back(argument.bytes);
    }
    if (bytes != entry.argument_bytes) {
      return absl::InternalError(absl::StrCat("kernel ", kernel.name, " is called with ", bytes.size(),
                                              " arguments whose sizes are not its parameters', of which it has ",
                                              entry.argument_bytes.size()));
    }
    if (shape.threads == 0 || shape.threads > kMaxThreads || shape.threads % 32 != 0) {
      return absl::InternalError(absl::StrCat("kernel ", kernel.name, " has blocks of ", shape.threads, " threads"));
    }
    const std::lock_guard<std::mutex> lock(running_);
    for (uint32_t block = 0; block < shape.blocks; ++block) {
      if (!emulation::run_block({block, shape.blocks}, shape.threads,
                                [&] { entry.run(entry.function, values.data()); })) {
        return absl::InternalError(
            absl::StrCat("kernel ", kernel.name, ": threads of block ", block, " wait for others that never come"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status synchronize() override { return absl::OkStatus(); }

 private:
  std::mutex mutex_, running_;
  struct Block {
    int64_t bytes;
    char* memory;
  };
  // Guarded by mutex_.
  std::map<const char*, Block> blocks_;
  int64_t offset_ = 0;
  int64_t bytes_in_use_ = 0;
  bool is_overrun_ = false;
};

Emulator* the_emulator() {
  static auto* const emulator = new Emulator;
  return emulator;
}

}  // namespace

Driver* emulator() { return the_emulator(); }
int64_t emulated_bytes_in_use() { return the_emulator()->bytes_in_use(); }
void set_emulated_offset(int64_t bytes) { the_emulator()->set_offset(bytes); }
bool take_emulated_overrun() { return the_emulator()->take_overrun(); }

}  // namespace pare::backends::cuda
