// Measures every kernel of the backends that are asked for, each beside a copy or a read of the same bytes in the same
// run and beside what users call today, and writes one JSON file and one table.
//
//   bazel run //tools/bench -- --backends=cpu,vulkan --output_dir=figures
//
// Runs are made in random order, several times each; a figure is the median. docs/performance.md explains the table.

#include <ATen/Parallel.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "backends/all_backends.h"
#include "base/status_macros.h"
#include "benchmark/benchmark.h"
#include "tools/bench/machine.h"
#include "tools/bench/report.h"
#include "tools/bench/rows.h"
#include "tools/bench/subject.h"
#include "tools/common/cpu_memory.h"
#include "tools/common/program.h"

ABSL_FLAG(std::vector<std::string>, backends, {"cpu"}, "The backends to measure, each a name or a name and a device");
ABSL_FLAG(std::vector<std::string>, sizes_kib,
          std::vector<std::string>({"16", "256", "1024", "4096", "65536", "262144"}),
          "The sizes of a float tensor, in KiB");
ABSL_FLAG(std::vector<std::string>, threads, std::vector<std::string>({"1", "0"}),
          "The numbers of threads to run the cpu backend with; 0 stands for all");
ABSL_FLAG(std::string, filter, "", "Only rows whose \"name, variant\" this regular expression finds; yardsticks stay");
ABSL_FLAG(int, repetitions, 5, "How often each row is measured");
ABSL_FLAG(double, min_time, 0.05, "How long a measurement takes at least, in seconds");
ABSL_FLAG(bool, caching_allocator, true, "Take the memory of LibTorch's tensors from Pare's caching allocator");
ABSL_FLAG(std::string, output_dir, "", "A folder for bench.json and bench.md; by default the table is only printed");

namespace pare::tools::bench {
namespace {

struct Entry {
  Subject subject;
  Row row;
};

absl::StatusOr<std::vector<Entry>> all_entries() {
  std::vector<Entry> entries;
  const std::regex filter(absl::GetFlag(FLAGS_filter));
  for (const std::string& specification : absl::GetFlag(FLAGS_backends)) {
    for (const std::string& threads_text : absl::GetFlag(FLAGS_threads)) {
      const int number = std::stoi(threads_text);
      const int threads = number == 0 ? static_cast<int>(std::thread::hardware_concurrency()) : number;
      PARE_ASSIGN_OR_RETURN(const Subject subject, make_subject(specification, threads));
      for (const std::string& size : absl::GetFlag(FLAGS_sizes_kib)) {
        const int64_t elements = std::stoll(size) * 1024 / 4;
        for (const auto& rows : {yardstick_rows, fake_quantize_rows, statistics_rows, sparsity_rows, filter_rows,
                                 storage_rows, aten_rows}) {
          for (const Row& row : rows(subject, elements)) {
            if (row.name == "copy" || row.name == "read" || std::regex_search(label_of(row), filter)) {
              entries.push_back({subject, row});
            }
          }
        }
      }
      if (subject.backend->memory != nullptr) break;  // The host's threads do not matter to a device.
    }
  }
  return entries;
}

// Keeps the median of each benchmark, by name.
class Medians : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) {
        std::cerr << run.benchmark_name() << ": " << run.error_message << "\n";
        ++errors;
      } else if (run.run_type == Run::RT_Aggregate ? run.aggregate_name == "median" : run.repetitions == 1) {
        seconds[run.run_name.function_name] =
            run.GetAdjustedRealTime() / benchmark::GetTimeUnitMultiplier(run.time_unit);
        std::cerr << "." << std::flush;
      }
    }
  }

  std::map<std::string, double> seconds;
  int errors = 0;
};

void measure(benchmark::State& state, const Entry& entry) {
  at::set_num_threads(entry.subject.threads);
  const auto run = entry.row.prepare();
  if (!run.ok()) return state.SkipWithError(std::string(run.status().message()).c_str());
  absl::Status status = (*run)();
  status.Update(entry.subject.memory->synchronize());
  for (auto _ : state) {
    for (int64_t call = 0; call < entry.row.calls && status.ok(); ++call) status = (*run)();
    status.Update(entry.subject.memory->synchronize());
  }
  if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
}

absl::Status write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return file ? absl::OkStatus() : absl::UnavailableError(absl::StrCat("cannot write ", path));
}

absl::Status run() {
  PARE_RETURN_IF_ERROR(set_up_cpu_memory(absl::GetFlag(FLAGS_caching_allocator), /*limit_mb=*/0));
  PARE_RETURN_IF_ERROR(backends::register_all_backends());
  PARE_ASSIGN_OR_RETURN(const std::vector<Entry> entries, all_entries());
  for (size_t i = 0; i < entries.size(); ++i) {
    benchmark::RegisterBenchmark(absl::StrCat(i).c_str(),
                                 [&entries, i](benchmark::State& state) { measure(state, entries[i]); })
        ->UseRealTime()
        ->MinTime(absl::GetFlag(FLAGS_min_time))
        ->Repetitions(absl::GetFlag(FLAGS_repetitions));
  }
  Medians medians;
  benchmark::RunSpecifiedBenchmarks(&medians);
  std::cerr << "\n";
  Report report;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto found = medians.seconds.find(absl::StrCat(i));
    if (found == medians.seconds.end()) continue;
    report.add(entries[i].subject, entries[i].row, found->second / static_cast<double>(entries[i].row.calls));
  }
  nlohmann::json machine = describe_machine();
  machine["caching_allocator"] = absl::GetFlag(FLAGS_caching_allocator);
  const std::string table = report.table(machine);
  std::cout << table;
  if (const std::string folder = absl::GetFlag(FLAGS_output_dir); !folder.empty()) {
    PARE_RETURN_IF_ERROR(write_file(folder + "/bench.json", report.json(machine).dump(2) + "\n"));
    PARE_RETURN_IF_ERROR(write_file(folder + "/bench.md", table));
  }
  if (medians.errors > 0) return absl::InternalError(absl::StrCat(medians.errors, " benchmarks failed"));
  return absl::OkStatus();
}

}  // namespace
}  // namespace pare::tools::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("Measures the kernels of Pare's backends beside copies of the same bytes.");
  absl::ParseCommandLine(argc, argv);
  pare::tools::return_to_users_folder();
  // Runs of all rows take turns, so that what else the machine does falls on all of them alike.
  std::string name = "bench", interleave = "--benchmark_enable_random_interleaving=true";
  std::vector<char*> arguments = {name.data(), interleave.data()};
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  const absl::Status status = pare::tools::bench::run();
  if (status.ok()) return 0;
  std::cerr << "bench: " << std::string(status.message()) << "\n";
  return 1;
}
