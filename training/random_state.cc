#include "training/random_state.h"

#include <ATen/Context.h>

#include <mutex>

#include "base/torch_guard.h"

namespace pare::training {
namespace {

// Calls f with the device's generator, whose lock is held.
template <typename F>
auto with_generator(c10::Device device, F f) {
  return guard_torch("the random number generator", [&] {
    at::Generator generator = at::globalContext().defaultGenerator(device);
    const std::lock_guard<std::mutex> lock(generator.mutex());
    return f(generator);
  });
}

}  // namespace

absl::Status seed_random(c10::Device device, uint64_t seed) {
  return with_generator(device, [&](at::Generator& generator) { generator.set_current_seed(seed); });
}

absl::StatusOr<at::Tensor> random_state(c10::Device device) {
  return with_generator(device, [](at::Generator& generator) { return generator.get_state(); });
}

absl::Status set_random_state(c10::Device device, const at::Tensor& state) {
  return with_generator(device, [&](at::Generator& generator) {
    TORCH_CHECK(state.defined(), "there is no state to set");
    generator.set_state(state);
  });
}

}  // namespace pare::training
