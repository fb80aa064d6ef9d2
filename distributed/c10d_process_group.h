// distributed/c10d_process_group.h: LibTorch's process groups (c10d): Gloo for tensors on the CPU, NCCL on NVIDIA GPUs.
//
//   GroupOptions options{.rank = 1, .size = 4, .address = "10.0.0.1", .port = 29500};
//   PARE_ASSIGN_OR_RETURN(std::shared_ptr<ProcessGroup> group, make_process_group(options));
//
// The processes find each other through a store in process 0, at `address` and `port`; after that they talk to each
// other directly. Gloo is there where its headers were at build (Debian's libgloo-dev beside its LibTorch).

#ifndef PARE_DISTRIBUTED_C10D_PROCESS_GROUP_H_
#define PARE_DISTRIBUTED_C10D_PROCESS_GROUP_H_

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "distributed/process_group.h"

namespace pare {

struct GroupOptions {
  int rank = 0;
  int size = 1;
  std::string address = "127.0.0.1";  // of process 0: a name or a number
  uint16_t port = 29500;              // where process 0 listens while they find each other
  // Somebody else listens there (torchrun does), and the group's entries begin with this prefix.
  bool is_served = false;
  std::string prefix;
  // How long one waits for another, at the start and in each call.
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  // Gloo reaches others through this address of this machine; empty: the one that the host's name stands for, or, where
  // all are on this machine (`address` is a loopback one), the loopback.
  std::string own_address;
  // Where tensors are. On the CPU Gloo, on a GPU NCCL.
  c10::Device device = c10::Device(c10::kCPU);
};

// Waits until all are there. Errors: InvalidArgument for options out of range; Unavailable with what to look at where
// the others are not there within the timeout, or the port is taken; Unimplemented where this program was built without
// what the device needs.
absl::StatusOr<std::shared_ptr<ProcessGroup>> make_process_group(const GroupOptions& options);

}  // namespace pare

#endif  // PARE_DISTRIBUTED_C10D_PROCESS_GROUP_H_
