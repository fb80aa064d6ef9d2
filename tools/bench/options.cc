#include "tools/bench/options.h"

#include <algorithm>
#include <regex>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "tools/common/parse_numbers.h"

namespace pare::tools::bench {
namespace {

constexpr int64_t kMostKib = int64_t{1} << 30;  // 1 TiB
constexpr int64_t kMostThreads = 1024;
constexpr int kMostRepetitions = 1000;
constexpr double kMostSeconds = 60;

template <typename T>
void add_once(T number, std::vector<T>& numbers) {
  if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) numbers.push_back(number);
}

absl::Status check_not_empty(const char* flag, const std::vector<std::string>& words) {
  if (!words.empty() && std::find(words.begin(), words.end(), "") == words.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, " has an empty entry: give one or more, with commas between them"));
}

absl::Status check_filter(const std::string& filter) {
  try {
    const std::regex compiled(filter);
    return absl::OkStatus();
  } catch (const std::regex_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("--filter: '", filter, "' is no regular expression (ECMAScript's): ", error.what()));
  }
}

// In quotes where a shell would take it for more than one plain word.
std::string quoted(const std::string& word) {
  constexpr char kPlain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:+-/=";
  if (word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string result = "'";
  for (const char c : word) absl::StrAppend(&result, c == '\'' ? std::string("'\\''") : std::string(1, c));
  return result + "'";
}

std::string command_of(const Flags& flags) {
  std::string command = "bazel run //tools/bench --";
  const auto add = [&](const char* flag, const std::string& value) {
    absl::StrAppend(&command, " --", flag, "=", quoted(value));
  };
  add("backends", absl::StrJoin(flags.backends, ","));
  add("sizes_kib", absl::StrJoin(flags.sizes_kib, ","));
  add("threads", absl::StrJoin(flags.threads, ","));
  if (!flags.filter.empty()) add("filter", flags.filter);
  add("repetitions", absl::StrCat(flags.repetitions));
  add("min_time", absl::StrCat(flags.min_time));
  add("caching_allocator", flags.caching_allocator ? "true" : "false");
  return command;
}

}  // namespace

absl::StatusOr<Options> check_flags(const Flags& flags) {
  if (!flags.words.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("what is '", flags.words.front(), "'? This program takes flags only; see --help"));
  }
  Options options{.backends = flags.backends,
                  .filter = flags.filter,
                  .repetitions = flags.repetitions,
                  .min_time = flags.min_time,
                  .caching_allocator = flags.caching_allocator,
                  .output_dir = flags.output_dir,
                  .command = command_of(flags)};
  PARE_RETURN_IF_ERROR(check_not_empty("backends", flags.backends));
  PARE_RETURN_IF_ERROR(check_not_empty("sizes_kib", flags.sizes_kib));
  PARE_RETURN_IF_ERROR(check_not_empty("threads", flags.threads));
  PARE_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, parse_integers("sizes_kib", flags.sizes_kib, 1, kMostKib));
  for (const int64_t kib : sizes) add_once(kib << 10, options.sizes);
  PARE_ASSIGN_OR_RETURN(const std::vector<int64_t> threads, parse_integers("threads", flags.threads, 0, kMostThreads));
  for (const int64_t number : threads) {
    const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    add_once(number == 0 ? all : static_cast<int>(number), options.threads);
  }
  PARE_RETURN_IF_ERROR(check_filter(flags.filter));
  if (flags.repetitions < 1 || flags.repetitions > kMostRepetitions) {
    return absl::InvalidArgumentError(
        absl::StrCat("--repetitions is ", flags.repetitions, ", expected a number from 1 to ", kMostRepetitions));
  }
  // Written so that NaN is refused.
  if (!(flags.min_time > 0 && flags.min_time <= kMostSeconds)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--min_time is ", flags.min_time, ", expected seconds above 0, at most ", kMostSeconds));
  }
  return options;
}

}  // namespace pare::tools::bench
