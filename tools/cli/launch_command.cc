#include "tools/cli/launch_command.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "distributed/launch.h"
#include "tools/cli/cli_data.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"

namespace pare::tools {
namespace {

constexpr int kInterrupted = 130;
constexpr size_t kAnyNumber = 1 << 16;

absl::StatusOr<int> number_from_flag(const absl::Flag<int64_t>& flag, int64_t least, int64_t most) {
  const int64_t value = absl::GetFlag(flag);
  if (value >= least && value <= most) return static_cast<int>(value);
  return usage_error(absl::StrCat("--", flag.Name(), " is ", value, ", expected ", least, " to ", most));
}

absl::StatusOr<CommandResult> run_launch(std::vector<std::string> words,
                                         const std::vector<std::string>& command_names) {
  LaunchOptions options;
  PARE_ASSIGN_OR_RETURN(options.processes, number_from_flag(FLAGS_nproc, 1, 1024));
  PARE_ASSIGN_OR_RETURN(options.machines, number_from_flag(FLAGS_nnodes, 1, 65536));
  PARE_ASSIGN_OR_RETURN(options.machine, number_from_flag(FLAGS_node_rank, 0, options.machines - 1));
  PARE_ASSIGN_OR_RETURN(const int port, number_from_flag(FLAGS_master_port, 0, 65535));
  options.port = static_cast<uint16_t>(port);
  options.address = absl::GetFlag(FLAGS_master_addr);
  if (options.machines > 1 && options.port == 0) {
    return usage_error("--master_port is missing: with several machines all need the same one, free on the first");
  }
  if (std::find(command_names.begin(), command_names.end(), words[0]) != command_names.end()) {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return absl::InternalError(absl::StrCat("this program's own file is not known: ", error.message()));
    words.insert(words.begin(), self.string());
  }
  options.command = std::move(words);
  PARE_ASSIGN_OR_RETURN(const int exit_code, launch(options));
  if (exit_code == kInterrupted) return absl::CancelledError("the processes were interrupted");
  if (exit_code != 0) {
    return absl::AbortedError(
        absl::StrCat("a process ended with exit code ", exit_code, "; what it said stands above"));
  }
  CommandResult result;
  result.json = {{"processes", options.processes * options.machines}};
  return result;
}

}  // namespace

Command launch_command(std::vector<std::string> command_names) {
  return {.name = "launch",
          .arguments = "-- COMMAND [ARGUMENTS]",
          .min_arguments = 1,
          .max_arguments = kAnyNumber,
          .summary = "run a training in several processes",
          .description =
              "Starts --nproc processes of a command of pare (train), or of another program, that train one model\n"
              "together, each with its part of every batch. They learn who they are from the environment (RANK,\n"
              "WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), as torchrun tells it; torchrun, mpirun and srun\n"
              "can start them as well. If one fails, all end. For several machines, call it on each with --nnodes,\n"
              "its --node_rank, and the --master_addr and --master_port of the first.",
          .examples = {"launch --nproc=2 -- train --config=int8.json --model=resnet20.pt --dataset=cifar10 "
                       "--data_dir=cifar-10-batches-bin --epochs=1 --output_dir=out",
                       "launch --nproc=4 --nnodes=2 --node_rank=1 --master_addr=10.0.0.1 --master_port=29500 -- "
                       "./my_training"},
          .flags = {"nproc", "nnodes", "node_rank", "master_addr", "master_port"},
          .run = [names = std::move(command_names)](const std::vector<std::string>& words) {
            return run_launch(words, names);
          }};
}

}  // namespace pare::tools
