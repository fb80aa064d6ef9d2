// distributed/rendezvous.h: joins the processes that a launcher has started: `pare launch`, torchrun, mpirun, Slurm.
//
//   PARE_ASSIGN_OR_RETURN(std::shared_ptr<ProcessGroup> group, join_process_group({}));
//   // nullptr: this process is alone, as when no launcher has started it
//
// A launcher says by environment variables who is who. The first of these rows that has both a rank and a size holds;
// a rank or a size of the first row alone, where no other is whole, is refused:
//   RANK, WORLD_SIZE, LOCAL_RANK                                                    pare launch, torchrun
//   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK          Open MPI's mpirun
//   PMI_RANK, PMI_SIZE, MPI_LOCALRANKID                                             MPICH's and Intel's mpirun
//   SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID                               srun (also where it sets PMI's)
// and MASTER_ADDR and MASTER_PORT say where process 0 is. Where they are not set: this machine if all processes are on
// it (as OMPI_COMM_WORLD_LOCAL_SIZE, SLURM_STEP_NUM_NODES tell), and port 29500. Under torchrun with
// TORCHELASTIC_USE_AGENT_STORE=True it is torchrun that listens there, and TORCHELASTIC_RESTART_COUNT tells one start
// of the processes from the next.

#ifndef PARE_DISTRIBUTED_RENDEZVOUS_H_
#define PARE_DISTRIBUTED_RENDEZVOUS_H_

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "distributed/process_group.h"

namespace pare {

// What a launcher has told this process.
struct LaunchedProcess {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  // among those of its machine: which GPU is its own
  std::string address;
  uint16_t port = 0;
  bool is_served = false;  // the launcher listens there itself
  std::string prefix;      // of this start's entries, then
};

using Environment = std::function<std::optional<std::string>(const char* name)>;
std::optional<std::string> environment_variable(const char* name);

// nullopt: no launcher. Errors: InvalidArgument, naming the variable, for a value that is no number or out of its
// range, a rank without a size, or processes on several machines without MASTER_ADDR.
absl::StatusOr<std::optional<LaunchedProcess>> launched_process(const Environment& environment = environment_variable);

struct JoinOptions {
  c10::Device device = c10::Device(c10::kCPU);
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
};

// The group of all that the launcher has started; nullptr where there is none, or it has started one. Errors: those of
// launched_process() and make_process_group().
absl::StatusOr<std::shared_ptr<ProcessGroup>> join_process_group(const JoinOptions& options);

}  // namespace pare

#endif  // PARE_DISTRIBUTED_RENDEZVOUS_H_
