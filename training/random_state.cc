#include "training/random_state.h"

#include <ATen/CPUGeneratorImpl.h>
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

// Throws c10::Error for a state that no generator on the CPU comes to. LibTorch looks at `left` and `next` one by one,
// and reads the next numbers from behind its table where they do not fit together: a generator that is seeded has one
// left before it fills the table, and from then on each number takes one from `left` and adds one to `next`.
void check_cpu_state(const at::Tensor& state) {
  at::Generator other = at::detail::createCPUGenerator();
  other.set_state(state);
  const at::mt19937_data_pod engine = at::check_generator<at::CPUGeneratorImpl>(other)->engine().data();
  const bool is_seeded = engine.left_ == 1 && engine.next_ == 0;
  const bool is_in_table = engine.left_ >= 1 && int64_t{engine.left_} + engine.next_ == at::MERSENNE_STATE_N + 1;
  TORCH_CHECK(is_seeded || is_in_table, "expected a state of which left and next make ", at::MERSENNE_STATE_N + 1,
              " together, or are 1 and 0; found left ", engine.left_, " and next ", engine.next_,
              ": the state is damaged, or no generator's");
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
    if (device.is_cpu()) check_cpu_state(state);
    generator.set_state(state);
  });
}

}  // namespace pare::training
