#include "backends/cuda/emulator/fibers.h"

#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "backends/cuda/emulator/device.h"

// The thread sanitizer's, if the program is linked with it: it keeps a stack of calls for every fiber that it knows.
extern "C" {
__attribute__((weak)) void* __tsan_get_current_fiber();
__attribute__((weak)) void* __tsan_create_fiber(unsigned flags);
__attribute__((weak)) void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}

pare::backends::cuda::emulation::Index threadIdx, blockIdx, blockDim, gridDim;

namespace pare::backends::cuda::emulation {
namespace {

constexpr uint32_t kWarp = 32;
constexpr size_t kStackBytes = 256 << 10;

enum class Waits { kForNothing, kForWarp, kForBlock };

struct Thread {
  Waits waits = Waits::kForNothing;
  bool has_ended = false;
  int fiber = -1;          // that it is on, from its start on
  uint64_t given[2] = {};  // to other lanes, by turns
  bool turn = false;
};

// Where to go on: __builtin_setjmp's five words. swapcontext() would make two system calls each time.
struct Place {
  void* words[5];
  void* sanitizers_fiber = nullptr;
};

struct Fiber {
  Place place;
  ucontext_t context;
  std::unique_ptr<char[]> stack = std::make_unique<char[]>(kStackBytes);
};

// A fiber runs threads to their ends, one after the other, until one has to wait: then the next fiber goes on with the
// threads that have not begun. So a kernel that never waits needs one fiber.
struct Block {
  const absl::FunctionRef<void()>* body = nullptr;
  std::vector<Thread> threads;
  uint32_t begun = 0;
  Place scheduler;
  std::vector<std::unique_ptr<Fiber>> fibers;  // kept from block to block
  std::vector<int> free_fibers;
  int running = -1;
};

Block& block() {
  static auto* const block = new Block;
  return *block;
}

[[gnu::no_sanitize_thread]] void tell_sanitizer(const Place& to) {
  if (__tsan_switch_to_fiber != nullptr) __tsan_switch_to_fiber(to.sanitizers_fiber, 0);
}

// As change() and begin() not for the thread sanitizer, which counts calls and returns: these do not return where they
// were called.
[[gnu::noipa, gnu::no_sanitize_thread]] void go_on(Place& to) {
  tell_sanitizer(to);
  __builtin_longjmp(to.words, 1);
}

// Remembers where this is, and goes on elsewhere until someone comes back.  Callers must not guess which
// registers stay: noipa.
[[gnu::noipa, gnu::no_sanitize_thread]] void change(Place& from, Place& to) {
  if (__builtin_setjmp(from.words) == 0) go_on(to);
}

// What a fiber does all its life.
void run_threads() {
  Block& b = block();
  const int fiber = b.running;
  while (true) {
    while (b.begun < b.threads.size()) {
      const uint32_t thread = b.begun++;
      threadIdx.x = thread;
      b.threads[thread].fiber = fiber;
      (*b.body)();
      b.threads[thread].has_ended = true;
    }
    b.free_fibers.push_back(fiber);
    change(b.fibers[fiber]->place, b.scheduler);
  }
}

void resume(int fiber) {
  Block& b = block();
  b.running = fiber;
  change(b.scheduler, b.fibers[fiber]->place);
}

[[gnu::noipa, gnu::no_sanitize_thread]] void begin(Place& from, const Fiber& to) {
  if (__builtin_setjmp(from.words) != 0) return;
  tell_sanitizer(to.place);
  setcontext(&to.context);
}

// A fiber for the threads that have not begun.
void start_fiber() {
  Block& b = block();
  if (!b.free_fibers.empty()) {
    const int fiber = b.free_fibers.back();
    b.free_fibers.pop_back();
    return resume(fiber);
  }
  b.running = static_cast<int>(b.fibers.size());
  b.fibers.push_back(std::make_unique<Fiber>());
  Fiber& fiber = *b.fibers.back();
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, run_threads, 0);
  if (__tsan_create_fiber != nullptr) fiber.place.sanitizers_fiber = __tsan_create_fiber(0);
  begin(b.scheduler, fiber);
}

void wait(Waits waits) {
  Block& b = block();
  const uint32_t thread = threadIdx.x;
  b.threads[thread].waits = waits;
  change(b.fibers[b.threads[thread].fiber]->place, b.scheduler);
  threadIdx.x = thread;
}

// Lets threads of [first, end) go on if all that have not ended wait for the same.
bool release(uint32_t first, uint32_t end, Waits waits) {
  Block& b = block();
  bool any = false;
  for (uint32_t i = first; i < end; ++i) {
    if (b.threads[i].has_ended) continue;
    if (b.threads[i].waits != waits) return false;
    any = true;
  }
  for (uint32_t i = first; any && i < end; ++i) b.threads[i].waits = Waits::kForNothing;
  return any;
}

}  // namespace

bool run_block(BlockPlace place, uint32_t threads, absl::FunctionRef<void()> body) {
  Block& b = block();
  if (__tsan_get_current_fiber != nullptr) b.scheduler.sanitizers_fiber = __tsan_get_current_fiber();
  b.body = &body;
  b.threads.assign(threads, Thread());
  b.begun = 0;
  blockIdx.x = place.block;
  gridDim.x = place.blocks;
  blockDim.x = threads;
  while (b.begun < threads) start_fiber();
  while (true) {
    bool any_released = release(0, threads, Waits::kForBlock);
    for (uint32_t first = 0; first < threads; first += kWarp) {
      any_released |= release(first, std::min(first + kWarp, threads), Waits::kForWarp);
    }
    if (!any_released) {
      return std::all_of(b.threads.begin(), b.threads.end(), [](const Thread& thread) { return thread.has_ended; });
    }
    for (uint32_t i = 0; i < threads; ++i) {
      if (!b.threads[i].has_ended && b.threads[i].waits == Waits::kForNothing) resume(b.threads[i].fiber);
    }
  }
}

void synchronize_block() { wait(Waits::kForBlock); }
void synchronize_warp() { wait(Waits::kForWarp); }

uint64_t exchange(uint64_t value, uint32_t lane) {
  Block& b = block();
  Thread& thread = b.threads[threadIdx.x];
  const bool turn = thread.turn;
  thread.given[turn] = value;
  // Whoever is one exchange ahead has written to the other place, and cannot be two ahead.
  thread.turn = !turn;
  const uint32_t first = threadIdx.x / kWarp * kWarp;
  synchronize_warp();
  return b.threads[first + lane].given[turn];
}

}  // namespace pare::backends::cuda::emulation
