// tools/bench/options.h: what to measure, from the words of a command line.
//
//   PARE_ASSIGN_OR_RETURN(const Options options, check_flags({.sizes_kib = {"64", "4096"}}));

#ifndef PARE_TOOLS_BENCH_OPTIONS_H_
#define PARE_TOOLS_BENCH_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace pare::tools::bench {

// The flags as they are given, with the values that they have if they are not.
struct Flags {
  std::vector<std::string> backends = {"cpu"};
  // In the first-level cache, the second-level cache, the last cache, and twice in memory, on most machines.
  std::vector<std::string> sizes_kib = {"64", "1024", "4096", "65536", "262144"};
  std::vector<std::string> threads = {"1", "0"};
  std::string filter;
  int repetitions = 5;
  double min_time = 0.02;
  bool caching_allocator = true;
  std::string output_dir;
  std::vector<std::string> words;  // What is no flag.
};

struct Options {
  std::vector<std::string> backends;
  std::vector<int64_t> sizes;  // In bytes.
  std::vector<int> threads;    // None is zero.
  std::string filter;          // A regular expression.
  int repetitions = 1;
  double min_time = 0;
  bool caching_allocator = true;
  std::string output_dir;  // Empty: none.
  // The command line that measures the same again, but for the output folder.
  std::string command;
};

// Each size and number of threads once. InvalidArgument, with the flag, what is expected and what is there instead.
absl::StatusOr<Options> check_flags(const Flags& flags);

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_OPTIONS_H_
