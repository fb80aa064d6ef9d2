#include "distributed/launch.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "distributed/free_port.h"
#include "distributed/signal_watch.h"

extern char** environ;

namespace pare {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kInterrupted = 130;  // the exit code of a program that a signal asked to end

absl::Status check(const LaunchOptions& options) {
  const auto refuse = [](const auto&... what) { return absl::InvalidArgumentError(absl::StrCat("launch: ", what...)); };
  if (options.command.empty() || options.command[0].empty()) return refuse("a program to start is needed");
  if (options.processes < 1 || options.processes > 1024) {
    return refuse(options.processes, " processes; from 1 to 1024 can be started");
  }
  if (options.machines < 1 || options.machine < 0 || options.machine >= options.machines) {
    return refuse("machine ", options.machine, " of ", options.machines, "; they count from 0");
  }
  if (options.machines > 1 && options.port == 0) {
    return refuse("several machines need a port that they agree on, free on machine 0");
  }
  if (options.address.empty()) return refuse("the address of machine 0 is empty");
  return absl::OkStatus();
}

int processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

std::vector<std::string> environment_of(const LaunchOptions& options, uint16_t port, int local_rank) {
  const std::vector<std::pair<std::string, std::string>> set = {
      {"RANK", absl::StrCat(options.machine * options.processes + local_rank)},
      {"WORLD_SIZE", absl::StrCat(options.machines * options.processes)},
      {"LOCAL_RANK", absl::StrCat(local_rank)},
      {"LOCAL_WORLD_SIZE", absl::StrCat(options.processes)},
      {"MASTER_ADDR", options.address},
      {"MASTER_PORT", absl::StrCat(port)},
  };
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    // What a torchrun around this program has set is not for those that this one starts.
    const bool is_others = name.rfind("TORCHELASTIC_", 0) == 0;
    if (!is_others && std::none_of(set.begin(), set.end(), [&](const auto& each) { return each.first == name; })) {
      environment.push_back(text);
    }
  }
  for (const auto& [name, value] : set) environment.push_back(absl::StrCat(name, "=", value));
  if (std::getenv("OMP_NUM_THREADS") == nullptr) {
    environment.push_back(absl::StrCat("OMP_NUM_THREADS=", std::max(processors() / options.processes, 1)));
  }
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A process whose program could not be started says why through a pipe that a started program does not have.
absl::StatusOr<pid_t> start(const LaunchOptions& options, uint16_t port, int local_rank, const SignalWatch& watch) {
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = environment_of(options, port, local_rank);
  const std::vector<char*> arguments = pointers_to(command), variables = pointers_to(environment);
  const pid_t parent = getpid();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ResourceExhaustedError(absl::StrCat("no pipe: ", std::strerror(errno)));
  const pid_t child = fork();
  if (child == 0) {
    // Of its own group, so that a terminal's Ctrl-C comes through the launcher, and once.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);  // the launcher has ended meanwhile
    watch.restore_in_child();
    execvpe(arguments[0], arguments.data(), variables.data());
    const int error = errno;
    if (write(ends[1], &error, sizeof(error)) < 0) _exit(126);
    _exit(127);
  }
  const int fork_error = errno;
  close(ends[1]);
  const absl::Cleanup close_end = [&] { close(ends[0]); };
  if (child < 0) {
    return absl::ResourceExhaustedError(absl::StrCat("no process could be started: ", std::strerror(fork_error)));
  }
  int error = 0;
  ssize_t got;
  do {
    got = read(ends[0], &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  if (got != sizeof(error)) return child;
  waitpid(child, nullptr, 0);
  return absl::NotFoundError(absl::StrCat("cannot start ", command[0], ": ", std::strerror(error)));
}

int exit_code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Those that run, by their number.
class Processes {
 public:
  explicit Processes(const LaunchOptions& options) : options_(options) {}

  void add(pid_t pid) { pids_.push_back(pid); }
  bool any() const {
    return std::any_of(pids_.begin(), pids_.end(), [](pid_t pid) { return pid != 0; });
  }
  void signal_all(int signal) const {
    for (const pid_t pid : pids_) {
      // Their process groups: a script and what it has started.
      if (pid != 0) kill(-pid, signal);
    }
  }

  void interrupt(int signal) {
    is_interrupted_ = true;
    signal_all(signal);
  }

  // Takes note of those that have ended. A first failure starts the others' time of grace.
  void collect() {
    for (size_t i = 0; i < pids_.size(); ++i) {
      int status = 0;
      if (pids_[i] == 0) continue;
      const pid_t ended = waitpid(pids_[i], &status, WNOHANG);
      if (ended == 0 || (ended < 0 && errno == EINTR)) continue;
      if (ended < 0) status = 0;  // somebody else has waited for it: how it ended is not known
      const pid_t pid = std::exchange(pids_[i], 0);
      if (exit_code_of(status) != 0) failed(static_cast<int>(i), pid, status);
    }
  }

  void kill_if_due() {
    if (!deadline_ || Clock::now() < *deadline_) return;
    signal_all(SIGKILL);
  }

  int exit_code() const { return exit_code_; }

 private:
  void failed(int local_rank, pid_t pid, int status) {
    if (exit_code_ != 0) return;
    exit_code_ = exit_code_of(status);
    is_interrupted_ = is_interrupted_ || exit_code_ == kInterrupted;
    const int rank = options_.machine * options_.processes + local_rank;
    log_warning(absl::StrCat(
        "process ", rank, " of ", options_.machines * options_.processes, " (pid ", pid, ") ended with ",
        WIFSIGNALED(status) ? absl::StrCat("signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")")
                            : absl::StrCat("exit code ", exit_code_),
        any() ? "; the others are ended, too" : ""));
    // Where all were told to end, each is at it already: a second signal would cut it short.
    if (is_interrupted_) return;
    signal_all(SIGTERM);
    signal_all(SIGCONT);  // one that is stopped would not see the other
    deadline_ = Clock::now() + options_.grace;
  }

  const LaunchOptions& options_;
  std::vector<pid_t> pids_;
  int exit_code_ = 0;
  bool is_interrupted_ = false;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace

absl::StatusOr<int> launch(const LaunchOptions& options) {
  PARE_RETURN_IF_ERROR(check(options));
  uint16_t port = options.port;
  if (port == 0) {
    PARE_ASSIGN_OR_RETURN(port, free_port());
  }
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<SignalWatch> watch, SignalWatch::start());
  Processes processes(options);
  for (int i = 0; i < options.processes; ++i) {
    const absl::StatusOr<pid_t> pid = start(options, port, i, *watch);
    if (!pid.ok()) {
      processes.signal_all(SIGKILL);
      while (processes.any()) {
        watch->next();
        processes.collect();
      }
      return pid.status();
    }
    processes.add(*pid);
  }
  while (processes.any()) {
    const int signal = watch->next();
    if (signal != 0 && signal != SIGCHLD) processes.interrupt(signal);
    processes.collect();
    processes.kill_if_due();
  }
  return processes.exit_code();
}

}  // namespace pare
