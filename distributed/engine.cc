#include "distributed/engine.h"

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace pare::distributed_engine {

namespace {

#ifdef USE_C10D_GLOO
bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.rfind("127.", 0) == 0;
}

c10::intrusive_ptr<Engine> make_gloo(const c10::intrusive_ptr<c10d::Store>& store, const GroupOptions& options) {
  auto gloo = c10d::ProcessGroupGloo::Options::create(options.timeout);
  const char* const interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (!options.own_address.empty()) {
    gloo->devices = {c10d::ProcessGroupGloo::createDeviceForHostname(options.own_address)};
  } else if (interface != nullptr && *interface != '\0') {
    gloo->devices = {c10d::ProcessGroupGloo::createDeviceForInterface(interface)};
  } else if (is_loopback(options.address)) {
    // Whoever meets there is on this machine, and a host's name need not stand for an address that works.
    gloo->devices = {c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")};
  } else {
    gloo->devices = {c10d::ProcessGroupGloo::createDefaultDevice()};
  }
  // Two exchanges at a time: gradients that are ready, and those that get ready meanwhile.
  gloo->threads = 2;
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, options.rank, options.size, gloo);
}
#endif

}  // namespace

absl::Status check_available(const GroupOptions& options) {
  if (options.device.is_cpu()) {
#ifdef USE_C10D_GLOO
    return absl::OkStatus();
#else
    return absl::UnimplementedError(
        "training in several processes on the CPU needs Gloo, which this program was built without: its headers were "
        "not there (Debian: apt-get install libgloo-dev), or LIBTORCH_HOME's LibTorch has none");
#endif
  }
  if (options.device.is_cuda()) {
#ifdef USE_C10D_NCCL
    return absl::OkStatus();
#else
    return absl::UnimplementedError(
        "training in several processes on GPUs needs NCCL, which this program was built without: build it with a "
        "LibTorch that has CUDA and NCCL (LIBTORCH_HOME), with nccl.h beside CUDA's headers");
#endif
  }
  return absl::UnimplementedError(absl::StrCat("no engine exchanges tensors of ", options.device.str()));
}

c10::intrusive_ptr<Engine> make_engine(const c10::intrusive_ptr<c10d::Store>& store, const GroupOptions& options) {
#ifdef USE_C10D_NCCL
  if (options.device.is_cuda()) {
    // A process that is gone ends the others' waits, where the environment says nothing else: by both names that
    // LibTorch's versions read.
    setenv("NCCL_ASYNC_ERROR_HANDLING", "1", /*overwrite=*/0);
    setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "1", /*overwrite=*/0);
    auto nccl = c10d::ProcessGroupNCCL::Options::create();
    nccl->timeout = options.timeout;
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.size, nccl);
  }
#endif
#ifdef USE_C10D_GLOO
  return make_gloo(store, options);
#else
  TORCH_CHECK(false, "no engine");
#endif
}

}  // namespace pare::distributed_engine
