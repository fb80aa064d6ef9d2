// distributed/launch.h: starts the processes of a distributed training on this machine, and ends them together.
//
//   LaunchOptions options{.command = {"./train", "--config=int8.json"}, .processes = 4};
//   PARE_ASSIGN_OR_RETURN(int exit_code, launch(options));      // waits for them
//
// Each gets RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT (rendezvous.h reads them, as
// PyTorch does), and, unless it is set already, OMP_NUM_THREADS: its share of the processors. They share this process's
// standard output and error. For several machines the same is called on each, with its number.
//
// The first process that fails takes the others with it: they are asked to end (SIGTERM), and after `grace` ended
// (SIGKILL), with what they have started themselves. A process that ends with 130 was interrupted: the others were too,
// and have all the time they need. SIGINT, SIGTERM and SIGHUP of this process are handed on to all; where this process
// is killed, they get SIGTERM.

#ifndef PARE_DISTRIBUTED_LAUNCH_H_
#define PARE_DISTRIBUTED_LAUNCH_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pare {

struct LaunchOptions {
  std::vector<std::string> command;   // a program, looked for in PATH if its name has no slash, and its arguments
  int processes = 1;                  // on this machine, 1 to 1024
  int machines = 1;                   // with as many processes each
  int machine = 0;                    // this one's number, from 0
  std::string address = "127.0.0.1";  // of machine 0
  uint16_t port = 0;                  // 0: one that is free; not where there are several machines
  std::chrono::milliseconds grace = std::chrono::seconds(20);
};

// Returns 0 if all have ended well; else the exit code of the one that failed first, 128 and the signal's number where
// a signal ended it, after a line that names it. Errors: InvalidArgument for options out of range, NotFound for a
// program that is not there, ResourceExhausted where the system gives no process (those that were started are ended
// then), FailedPrecondition while another launch() of this program has not returned.
absl::StatusOr<int> launch(const LaunchOptions& options);

}  // namespace pare

#endif  // PARE_DISTRIBUTED_LAUNCH_H_
