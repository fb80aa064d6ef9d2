// Measures every kernel of the backends that are asked for, each beside a copy or a read of the same bytes in the same
// run and beside what users call today, and writes one JSON file and one table.
//
//   bazel run //tools/bench -- --backends=cpu,vulkan --output_dir=figures
//
// docs/performance.md explains the table.

#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "tools/bench/options.h"
#include "tools/bench/run.h"
#include "tools/common/program.h"

namespace {

const pare::tools::bench::Flags& defaults() {
  static const auto* const flags = new pare::tools::bench::Flags;
  return *flags;
}

}  // namespace

ABSL_FLAG(std::vector<std::string>, backends, defaults().backends, "the backends, each a name or a name and a device");
ABSL_FLAG(std::vector<std::string>, sizes_kib, defaults().sizes_kib, "the sizes of a kernel's tensor, in KiB");
ABSL_FLAG(std::vector<std::string>, threads, defaults().threads,
          "the numbers of threads to run the cpu backend with; 0 stands for all");
ABSL_FLAG(std::string, filter, defaults().filter,
          "only rows whose \"name, variant\" this regular expression finds, and what they are held against");
ABSL_FLAG(int, repetitions, defaults().repetitions, "how often each row is measured");
ABSL_FLAG(double, min_time, defaults().min_time, "how long a measurement of a row takes at least, in seconds");
ABSL_FLAG(bool, caching_allocator, defaults().caching_allocator,
          "take the memory of LibTorch's tensors from Pare's caching allocator");
ABSL_FLAG(std::string, output_dir, defaults().output_dir,
          "a folder for bench.json and bench.md; by default the table is only printed");

namespace pare::tools::bench {
namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

int answer(const absl::Status& status, int code) {
  std::cerr << "error: " << status.message() << "\n";
  return code;
}

int main_with_words(const std::vector<char*>& words) {
  const auto options = check_flags({.backends = absl::GetFlag(FLAGS_backends),
                                    .sizes_kib = absl::GetFlag(FLAGS_sizes_kib),
                                    .threads = absl::GetFlag(FLAGS_threads),
                                    .filter = absl::GetFlag(FLAGS_filter),
                                    .repetitions = absl::GetFlag(FLAGS_repetitions),
                                    .min_time = absl::GetFlag(FLAGS_min_time),
                                    .caching_allocator = absl::GetFlag(FLAGS_caching_allocator),
                                    .output_dir = absl::GetFlag(FLAGS_output_dir),
                                    .words = {words.begin() + 1, words.end()}});
  if (!options.ok()) return answer(options.status(), kWrongUsage);
  const auto entries = plan(*options);
  if (!entries.ok()) {
    const bool is_named_wrongly = absl::IsInvalidArgument(entries.status()) || absl::IsNotFound(entries.status());
    return answer(entries.status(), is_named_wrongly ? kWrongUsage : kFailed);
  }
  const absl::Status status = measure(*options, *entries, std::cout, std::cerr);
  return status.ok() ? 0 : answer(status, kFailed);
}

}  // namespace
}  // namespace pare::tools::bench

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("measures the kernels of Pare's backends beside copies of the same bytes");
  pare::tools::start_program();
  const std::vector<char*> words = absl::ParseCommandLine(argc, argv);
  pare::tools::return_to_users_folder();
  return pare::tools::bench::main_with_words(words);
}
