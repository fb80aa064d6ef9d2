#include "tools/common/device.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"

namespace pare::tools {
namespace {

constexpr std::string_view kCudaPrefix = "cuda:";

// The number behind "cuda:"; 0 of "cuda" alone.
std::optional<int> cuda_index(std::string_view specification) {
  if (specification == "cuda") return 0;
  if (specification.substr(0, kCudaPrefix.size()) != kCudaPrefix) return std::nullopt;
  const std::string digits(specification.substr(kCudaPrefix.size()));
  int index;
  // Signs and spaces, which SimpleAtoi() takes, are no part of a device's name.
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(digits, &index)) {
    return std::nullopt;
  }
  return index;
}

}  // namespace

absl::StatusOr<c10::Device> open_device(std::string_view specification) {
  if (specification == "cpu") return c10::Device(c10::kCPU);
  const std::optional<int> index = cuda_index(specification);
  const std::string what = absl::StrCat("the device '", std::string(specification), "'");
  if (!index.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " is not known; expected cpu, cuda (the first GPU) or cuda:N (the GPU of number N, from 0)"));
  }
  if (!c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) {
    return absl::FailedPreconditionError(absl::StrCat(
        what, " cannot be used: this LibTorch was built without CUDA; use cpu, or build with a LibTorch for CUDA"));
  }
  const int count = c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).deviceCount();
  if (count <= 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(what,
                     " cannot be used: LibTorch finds no GPU; use cpu, or see whether nvidia-smi lists one, its driver "
                     "is new enough for this LibTorch, and CUDA_VISIBLE_DEVICES does not hide it"));
  }
  if (*index >= std::min<int>(count, std::numeric_limits<c10::DeviceIndex>::max())) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " does not exist: LibTorch finds ", count,
                     count == 1 ? " GPU; use cuda:0" : absl::StrCat(" GPUs; expected cuda:0 to cuda:", count - 1)));
  }
  return c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(*index));
}

absl::StatusOr<c10::Device> device_of_process(c10::Device chosen, int local_rank) {
  if (chosen.is_cpu()) return chosen;
  const int count = c10::impl::VirtualGuardImpl(chosen.type()).deviceCount();
  if (count == 1) return chosen;
  if (local_rank < 0 || local_rank >= count) {
    return absl::InvalidArgumentError(absl::StrCat("process ", local_rank, " of this machine has no GPU of its own: ",
                                                   "LibTorch finds ", count, "; start as many processes"));
  }
  return c10::Device(chosen.type(), static_cast<c10::DeviceIndex>(local_rank));
}

absl::Status synchronize(c10::Device device) {
  if (device.is_cpu()) return absl::OkStatus();
  return guard_torch("waiting for the device", [&] {
    const c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeStream(guard.getStream(device));
  });
}

}  // namespace pare::tools
