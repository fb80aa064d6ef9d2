#include "base/operator_new_testing.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace pare {
namespace {

std::atomic<int64_t> given = 0;
thread_local size_t least_refused = std::numeric_limits<size_t>::max();

void* give_or_null(size_t size) {
  if (size >= least_refused) return nullptr;
  given += static_cast<int64_t>(size);
  return std::malloc(size == 0 ? 1 : size);
}

void* give(size_t size) {
  void* const memory = give_or_null(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

RefuseMemory::RefuseMemory(size_t least_bytes) { least_refused = least_bytes; }
RefuseMemory::~RefuseMemory() { least_refused = std::numeric_limits<size_t>::max(); }

int64_t bytes_given() { return given; }

}  // namespace pare

void* operator new(size_t size) { return pare::give(size); }
void* operator new[](size_t size) { return pare::give(size); }
// The default ones call those above, but not the address sanitizer's.
void* operator new(size_t size, const std::nothrow_t&) noexcept { return pare::give_or_null(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return pare::give_or_null(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
