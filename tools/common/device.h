// tools/common/device.h: the device that a network runs on: the flag --device.
//
//   PARE_ASSIGN_OR_RETURN(const c10::Device device, open_device(absl::GetFlag(FLAGS_device)));   // "cuda:1"
//   PARE_RETURN_IF_ERROR(model->to(device));
//
// Only what LibTorch has for every kind of device is used, so that this compiles without CUDA.

#ifndef PARE_TOOLS_COMMON_DEVICE_H_
#define PARE_TOOLS_COMMON_DEVICE_H_

#include <c10/core/Device.h>

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace pare::tools {

// "cpu"; "cuda", which is "cuda:0"; "cuda:N". Errors: InvalidArgument for another word, or for a GPU that there is not;
// FailedPrecondition where this LibTorch was built without CUDA, or finds no GPU that it can use.
absl::StatusOr<c10::Device> open_device(std::string_view specification);

// The device of one of several processes of a machine that were all given `chosen`: on GPUs the one of its local rank
// (distributed/rendezvous.h), or the only one that it sees. InvalidArgument where there are fewer GPUs than processes.
absl::StatusOr<c10::Device> device_of_process(c10::Device chosen, int local_rank);

// Waits until the device has done what the calling thread has given it to do: a GPU computes while the program goes on.
absl::Status synchronize(c10::Device device);

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_DEVICE_H_
