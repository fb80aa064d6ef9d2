#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

namespace pare {

namespace {

std::atomic<bool> quiet{false};

void write_line(std::string_view prefix, std::string_view message) {
  // One call, so that lines of several threads and processes do not mix.
  const std::string line = absl::StrCat(std::string(prefix), std::string(message), "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void log_info(std::string_view message) {
  if (!quiet) write_line("", message);
}

void log_warning(std::string_view message) { write_line("warning: ", message); }

void log_warning_once(std::string_view key, std::string_view message) {
  static constinit std::mutex mutex;
  static std::set<std::string>& seen = *new std::set<std::string>;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!seen.emplace(key).second) return;
  }
  log_warning(message);
}

void set_quiet(bool value) { quiet = value; }

}  // namespace pare
