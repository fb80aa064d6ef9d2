// distributed/store_options.h: how c10d's TCPStore is opened with every LibTorch. Not for users.

#ifndef PARE_DISTRIBUTED_STORE_OPTIONS_H_
#define PARE_DISTRIBUTED_STORE_OPTIONS_H_

#include <torch/version.h>

namespace pare::distributed_engine {

// From version 2.4 on the store is served by libuv unless told otherwise, which a LibTorch that was built without it
// (Debian's) refuses. Both kinds speak the same protocol, so that a store of torchrun's may be of either.
template <typename Options>
Options without_libuv(Options options) {
  constexpr bool kHasChoice = requires { options.useLibUV; };
  static_assert(kHasChoice || TORCH_VERSION_MAJOR < 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR < 4));
  if constexpr (kHasChoice) options.useLibUV = false;
  return options;
}

}  // namespace pare::distributed_engine

#endif  // PARE_DISTRIBUTED_STORE_OPTIONS_H_
