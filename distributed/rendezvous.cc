#include "distributed/rendezvous.h"

#include <cstdlib>
#include <limits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "distributed/c10d_process_group.h"

namespace pare {
namespace {

constexpr int64_t kDefaultPort = 29500;

struct Launcher {
  const char* name;
  const char* rank;
  const char* size;
  const char* local_rank;
  // What tells that all processes are on one machine: how many of them are on this one, or on how many machines.
  const char* local_size;
  const char* num_machines;
};

constexpr char kSlurmLocalRank[] = "SLURM_LOCALID";
constexpr char kSlurmMachines[] = "SLURM_STEP_NUM_NODES";

constexpr Launcher kLaunchers[] = {
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", nullptr},
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK",
     "OMPI_COMM_WORLD_LOCAL_SIZE", nullptr},
    {"mpirun", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", nullptr},
    {"srun", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", kSlurmLocalRank, nullptr, kSlurmMachines},
};

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  bool has(const char* name) const { return name != nullptr && environment_(name).has_value(); }

  absl::StatusOr<int64_t> number(const char* name, int64_t least, int64_t most) const {
    const std::string text = environment_(name).value_or("");
    int64_t value = 0;
    if (!absl::SimpleAtoi(text, &value) || value < least || value > most) {
      return absl::InvalidArgumentError(absl::StrCat("the environment variable ", name, " is '", text,
                                                     "', but must be a number from ", least, " to ", most));
    }
    return value;
  }

  absl::StatusOr<int64_t> number_or(const char* name, int64_t least, int64_t most, int64_t otherwise) const {
    if (!has(name)) return otherwise;
    return number(name, least, most);
  }

 private:
  const Environment& environment_;
};

absl::StatusOr<bool> is_one_machine(const Reader& reader, const Launcher& launcher, int64_t size) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  PARE_ASSIGN_OR_RETURN(const int64_t here, reader.number_or(launcher.local_size, 1, kMost, 0));
  // srun may set the variables of an MPI beside its own.
  const char* const num_machines = launcher.num_machines != nullptr ? launcher.num_machines : kSlurmMachines;
  PARE_ASSIGN_OR_RETURN(const int64_t machines, reader.number_or(num_machines, 1, kMost, 0));
  return size == 1 || here == size || machines == 1;
}

absl::StatusOr<LaunchedProcess> read_process(const Reader& reader, const Launcher& launcher,
                                             const Environment& environment) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  LaunchedProcess process;
  for (const char* needed : {launcher.rank, launcher.size}) {
    if (reader.has(needed)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the environment variable ", needed, " is missing beside ",
                     needed == launcher.rank ? launcher.size : launcher.rank,
                     ": start the processes by 'pare launch', torchrun, mpirun or srun, or set both"));
  }
  PARE_ASSIGN_OR_RETURN(const int64_t size, reader.number(launcher.size, 1, kMost));
  PARE_ASSIGN_OR_RETURN(const int64_t rank, reader.number(launcher.rank, 0, size - 1));
  const char* const local = reader.has(launcher.local_rank) ? launcher.local_rank : kSlurmLocalRank;
  PARE_ASSIGN_OR_RETURN(const int64_t local_rank, reader.number_or(local, 0, kMost, 0));
  PARE_ASSIGN_OR_RETURN(const int64_t port, reader.number_or("MASTER_PORT", 1, 65535, kDefaultPort));
  process.rank = static_cast<int>(rank);
  process.size = static_cast<int>(size);
  process.local_rank = static_cast<int>(local_rank);
  process.port = static_cast<uint16_t>(port);
  process.is_served = &launcher == kLaunchers && environment("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
  if (process.is_served) {
    PARE_ASSIGN_OR_RETURN(const int64_t attempt, reader.number_or("TORCHELASTIC_RESTART_COUNT", 0, kMost, 0));
    process.prefix = absl::StrCat("/worker/attempt_", attempt);
  }
  process.address = environment("MASTER_ADDR").value_or("");
  if (process.address.empty()) {
    PARE_ASSIGN_OR_RETURN(const bool one_machine, is_one_machine(reader, launcher, size));
    if (!one_machine) {
      return absl::InvalidArgumentError(absl::StrCat("the environment variable MASTER_ADDR is not set: ", launcher.name,
                                                     " has started ", size,
                                                     " processes, and where process 0 is must be known "
                                                     "to all (its host's name or address)"));
    }
    process.address = "127.0.0.1";
  }
  return process;
}

}  // namespace

std::optional<std::string> environment_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

absl::StatusOr<std::optional<LaunchedProcess>> launched_process(const Environment& environment) {
  const Reader reader(environment);
  for (const Launcher& launcher : kLaunchers) {
    if (reader.has(launcher.rank) && reader.has(launcher.size)) return read_process(reader, launcher, environment);
  }
  // Half of what torchrun sets is a mistake; half of what others set is there outside of what they start, too (a batch
  // script of Slurm has a SLURM_PROCID).
  const Launcher& first = kLaunchers[0];
  if (reader.has(first.rank) || reader.has(first.size)) return read_process(reader, first, environment);
  return std::nullopt;
}

absl::StatusOr<std::shared_ptr<ProcessGroup>> join_process_group(const JoinOptions& options) {
  PARE_ASSIGN_OR_RETURN(const std::optional<LaunchedProcess> process, launched_process());
  if (!process.has_value() || process->size == 1) return nullptr;
  return make_process_group({.rank = process->rank,
                             .size = process->size,
                             .address = process->address,
                             .port = process->port,
                             .is_served = process->is_served,
                             .prefix = process->prefix,
                             .timeout = options.timeout,
                             .device = options.device});
}

}  // namespace pare
