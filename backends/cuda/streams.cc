#include "backends/cuda/streams.h"

#include <atomic>

namespace pare::backends::cuda {
namespace {

std::atomic<Streams*> used = nullptr;

}  // namespace

void use_streams(Streams* streams) { used = streams; }

Streams* used_streams() { return used; }

}  // namespace pare::backends::cuda
