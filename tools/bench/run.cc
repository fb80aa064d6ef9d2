#include "tools/bench/run.h"

#include <algorithm>
#include <map>
#include <regex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "backends/all_backends.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "base/steady_time.h"
#include "base/torch_guard.h"
#include "benchmark/benchmark.h"
#include "tools/bench/machine.h"
#include "tools/bench/report.h"
#include "tools/common/cpu_memory.h"
#include "training/output_folder.h"

namespace pare::tools::bench {
namespace {

// What went wrong, or nullptr. Google Benchmark 1.8 has renamed both.
template <typename Run>
const std::string* error_of(const Run& run) {
  if constexpr (requires { run.error_occurred; }) {
    return run.error_occurred ? &run.error_message : nullptr;
  } else {
    return run.skip_message.empty() ? nullptr : &run.skip_message;
  }
}

// Keeps the median of each benchmark, or what went wrong, by name.
class Medians : public benchmark::BenchmarkReporter {
 public:
  explicit Medians(std::ostream& progress) : progress_(progress) {}

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const std::string& name = run.run_name.function_name;
      if (const std::string* error = error_of(run)) {
        errors[name] = *error;
      } else if (run.run_type == Run::RT_Aggregate ? run.aggregate_name == "median" : run.repetitions == 1) {
        seconds[name] = run.GetAdjustedRealTime() / benchmark::GetTimeUnitMultiplier(run.time_unit);
        progress_ << "." << std::flush;
      }
    }
  }

  std::map<std::string, double> seconds;
  std::map<std::string, std::string> errors;

 private:
  std::ostream& progress_;
};

absl::Status measure_entry(benchmark::State& state, const Entry& entry) {
  PARE_RETURN_IF_ERROR(entry.subject.activate());
  PARE_ASSIGN_OR_RETURN(const auto run, entry.row.prepare());
  // The first run pays for what is made once.
  PARE_RETURN_IF_ERROR(run());
  PARE_RETURN_IF_ERROR(entry.subject.memory->synchronize());
  absl::Status status;
  for (auto _ : state) {
    for (int64_t call = 0; call < entry.row.calls && status.ok(); ++call) status = run();
    status.Update(entry.subject.memory->synchronize());
  }
  return status;
}

void register_entry(const Options& options, const std::string& name, const Entry& entry) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [&entry](benchmark::State& state) {
        absl::Status status;
        status.Update(guard_torch(label_of(entry.row), [&] { status = measure_entry(state, entry); }));
        if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
      })
      ->UseRealTime()
      ->MinTime(options.min_time)
      ->Repetitions(options.repetitions);
}

void initialize_benchmark_library() {
  static const bool done = [] {
    std::string name = "bench", interleave = "--benchmark_enable_random_interleaving=true";
    std::vector<char*> arguments = {name.data(), interleave.data()};
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    return true;
  }();
  (void)done;
}

nlohmann::ordered_json describe_run(const Options& options) {
  nlohmann::ordered_json description = {{"command", options.command}};
  description.update(describe_machine());
  return description;
}

}  // namespace

absl::StatusOr<std::vector<Entry>> plan(const Options& options) {
  PARE_RETURN_IF_ERROR(backends::register_all_backends());
  const std::regex filter(options.filter);
  const auto wanted = [&](const std::string& label) { return std::regex_search(label, filter); };
  std::vector<Entry> entries;
  std::vector<std::string> names;
  bool any_wanted = false;
  for (const std::string& specification : options.backends) {
    for (const int threads : options.threads) {
      PARE_ASSIGN_OR_RETURN(const Subject subject, make_subject(specification, threads));
      if (threads == options.threads.front()) {
        if (std::find(names.begin(), names.end(), subject.name) != names.end()) {
          return absl::InvalidArgumentError(absl::StrCat("--backends: '", specification, "' is ", subject.name,
                                                         ", which another entry is too: name each device once"));
        }
        names.push_back(subject.name);
      }
      for (const int64_t size : options.sizes) {
        for (Row& row : filtered_rows(all_rows(subject, size), wanted)) {
          any_wanted = any_wanted || wanted(label_of(row));
          entries.push_back({subject, std::move(row)});
        }
      }
      if (!subject.is_on_host()) break;  // The host's threads do not matter to a device.
    }
  }
  if (any_wanted) return entries;
  return absl::InvalidArgumentError(
      absl::StrCat("--filter: '", options.filter, "' finds no row; a row is called as in the table, 'name, variant'"));
}

absl::Status measure(const Options& options, const std::vector<Entry>& entries, std::ostream& out,
                     std::ostream& progress) {
  if (!options.output_dir.empty()) {
    PARE_RETURN_IF_ERROR(training::make_output_folder(options.output_dir));
    PARE_RETURN_IF_ERROR(training::check_writable(options.output_dir));
  }
  PARE_RETURN_IF_ERROR(set_up_cpu_memory(options.caching_allocator, /*limit_mb=*/0));
  nlohmann::ordered_json description = describe_run(options);
  const absl::Time start = steady_now();
  initialize_benchmark_library();
  benchmark::ClearRegisteredBenchmarks();
  bool any = false;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].row.left_out.empty()) continue;
    register_entry(options, absl::StrCat(i), entries[i]);
    any = true;
  }
  Medians medians(progress);
  if (any) benchmark::RunSpecifiedBenchmarks(&medians);  // It complains of an empty list.
  benchmark::ClearRegisteredBenchmarks();
  progress << "\n";
  description["measuring_took"] = absl::StrFormat("%.0f s", absl::ToDoubleSeconds(steady_now() - start));

  Report report(std::move(description));
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [subject, row] = entries[i];
    const std::string name = absl::StrCat(i);
    if (const auto error = medians.errors.find(name); error != medians.errors.end()) {
      report.add_without_figure(subject, row, absl::StrCat("failed: ", error->second));
    } else if (const auto found = medians.seconds.find(name); found != medians.seconds.end()) {
      report.add(subject, row, found->second / static_cast<double>(row.calls));
    } else {
      report.add_without_figure(subject, row, row.left_out);
    }
  }
  const std::string table = report.table();
  out << table << std::flush;
  if (!options.output_dir.empty()) {
    PARE_RETURN_IF_ERROR(write_file_atomically(options.output_dir + "/bench.json", report.json().dump(2) + "\n"));
    PARE_RETURN_IF_ERROR(write_file_atomically(options.output_dir + "/bench.md", table));
  }
  if (!out) return absl::UnavailableError("the table could not be written to standard output");
  if (medians.errors.empty()) return absl::OkStatus();
  const auto& [first, message] = *medians.errors.begin();
  return absl::InternalError(absl::StrCat(medians.errors.size(), " of ", entries.size(), " rows failed, one of them ",
                                          label_of(entries[std::stoul(first)].row), ": ", message));
}

}  // namespace pare::tools::bench
