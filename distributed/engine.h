// distributed/engine.h: which of LibTorch's engines moves the tensors of a process group. Not for users: see
// distributed/c10d_process_group.h.

#ifndef PARE_DISTRIBUTED_ENGINE_H_
#define PARE_DISTRIBUTED_ENGINE_H_

#include <c10/util/intrusive_ptr.h>
#include <torch/version.h>

#include <torch/csrc/distributed/c10d/Store.hpp>
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

#include "absl/status/status.h"
#include "distributed/c10d_process_group.h"

namespace pare::distributed_engine {

// What 1.13 calls a process group, and later ones a backend of it.
#if TORCH_VERSION_MAJOR >= 2
using Engine = c10d::Backend;
#else
using Engine = c10d::ProcessGroup;
#endif

// Unimplemented, with what to install, where there is none for the options' device.
absl::Status check_available(const GroupOptions& options);
// Throws what LibTorch throws.
c10::intrusive_ptr<Engine> make_engine(const c10::intrusive_ptr<c10d::Store>& store, const GroupOptions& options);

}  // namespace pare::distributed_engine

#endif  // PARE_DISTRIBUTED_ENGINE_H_
