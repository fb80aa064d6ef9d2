// training/random_state.h: LibTorch's random numbers (dropout and the like): seeded, saved, put back.
//
//   seed_random(device, 1);
//   at::Tensor state = random_state(device);
//   set_random_state(device, state);  // draws from here on what it drew before

#ifndef PARE_TRAINING_RANDOM_STATE_H_
#define PARE_TRAINING_RANDOM_STATE_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare::training {

// Of the device's default generator. Errors: InvalidArgument where LibTorch has no such device, or where the state is
// of another kind of generator, or one that no generator comes to: nothing is changed then.
absl::Status seed_random(c10::Device device, uint64_t seed);
absl::StatusOr<at::Tensor> random_state(c10::Device device);
absl::Status set_random_state(c10::Device device, const at::Tensor& state);

}  // namespace pare::training

#endif  // PARE_TRAINING_RANDOM_STATE_H_
