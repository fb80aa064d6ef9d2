#include "training/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pare::training {
namespace {

constexpr double kSecondsBetweenDrawings = 0.1;
constexpr double kSecondsBetweenLines = 10.0;
constexpr int64_t kBarWidth = 24;

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void write_to_standard_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string duration(double seconds) {
  const int64_t whole = static_cast<int64_t>(std::llround(std::max(seconds, 0.0)));
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole / 60 % 60);
}

}  // namespace

Progress::Progress(std::string label, int64_t total, ProgressOptions options)
    : label_(std::move(label)), total_(total), options_(std::move(options)) {
  if (!options_.write) options_.write = write_to_standard_error;
  if (!options_.clock) options_.clock = monotonic_seconds;
  terminal_ = options_.terminal.value_or(isatty(STDERR_FILENO) == 1);
  start_ = options_.clock();
  last_drawn_ = start_;
  next_line_at_ = tenth();
}

Progress::~Progress() {
  if (finished_ || options_.quiet || drawn_width_ == 0) return;
  options_.write(absl::StrCat("\r", std::string(drawn_width_, ' '), "\r"));
}

std::string Progress::remaining(double now) const {
  if (done_ <= first_ || done_ >= total_) return "";
  const double per_unit = (now - start_) / static_cast<double>(done_ - first_);
  return absl::StrCat(", ", duration(per_unit * static_cast<double>(total_ - done_)), " left");
}

void Progress::draw(std::string_view note) {
  const double now = options_.clock();
  std::string bar;
  if (total_ > 0) {
    const int64_t filled = std::clamp<int64_t>(kBarWidth * done_ / total_, 0, kBarWidth);
    bar = absl::StrCat(" [", std::string(filled, '='), std::string(kBarWidth - filled, ' '), "]");
  }
  std::string line = absl::StrCat(label_, bar, " ", done_, total_ > 0 ? absl::StrCat("/", total_) : "",
                                  note.empty() ? "" : "  ", std::string(note), remaining(now));
  const size_t width = line.size();
  // What the line before had beyond this one's end is wiped out.
  if (width < drawn_width_) line.append(drawn_width_ - width, ' ');
  drawn_width_ = width;
  last_drawn_ = now;
  options_.write(absl::StrCat("\r", line));
}

void Progress::start_at(int64_t done) {
  first_ = done_ = done;
  while (next_line_at_ <= done_) next_line_at_ += tenth();
}

void Progress::update(int64_t done, std::string_view note) {
  done_ = done;
  if (options_.quiet || finished_) return;
  const double now = options_.clock();
  if (terminal_) {
    if (drawn_width_ == 0 || now - last_drawn_ >= kSecondsBetweenDrawings) draw(note);
    return;
  }
  if (done_ < next_line_at_ || now - last_drawn_ < kSecondsBetweenLines || (total_ > 0 && done_ >= total_)) return;
  last_drawn_ = now;
  while (next_line_at_ <= done_) next_line_at_ += tenth();
  options_.write(absl::StrCat(label_, ": ", done_, total_ > 0 ? absl::StrCat("/", total_) : "",
                              note.empty() ? "" : ", ", std::string(note), remaining(now), "\n"));
}

void Progress::finish(std::string_view note) {
  if (finished_ || options_.quiet) return;
  finished_ = true;
  std::string line =
      absl::StrCat(label_, note.empty() ? "" : ": ", std::string(note), " (", duration(options_.clock() - start_), ")");
  const std::string padding(drawn_width_ > line.size() ? drawn_width_ - line.size() : 0, ' ');
  options_.write(absl::StrCat(drawn_width_ > 0 ? "\r" : "", line, padding, "\n"));
}

}  // namespace pare::training
