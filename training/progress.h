// training/progress.h: shows how far a long job is: a bar on a terminal, now and then a plain line elsewhere.
//
//   Progress progress("epoch 1/3", loader.num_batches());
//   for (...) progress.update(done, "loss 0.412");
//   progress.finish("loss 0.398 top1 0.912");
//
// On a terminal one line of standard error is drawn over and over, at most ten times a second. Elsewhere (a file, a CI
// log) lines appear at each tenth of the way, at most one in ten seconds; finish() always leaves one line.

#ifndef PARE_TRAINING_PROGRESS_H_
#define PARE_TRAINING_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pare::training {

struct ProgressOptions {
  bool quiet = false;                           // shows nothing
  std::optional<bool> terminal;                 // unset: whether standard error is one
  std::function<void(std::string_view)> write;  // unset: to standard error
  std::function<double()> clock;                // seconds; unset: a monotonic clock
};

class Progress {
 public:
  // `total` <= 0: unknown; only counts are shown.
  Progress(std::string label, int64_t total, ProgressOptions options = {});
  // A bar that was not finished is wiped off the terminal.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // For a job that is resumed: so much was done before, and says nothing about how long the rest takes.
  void start_at(int64_t done);

  void update(int64_t done, std::string_view note = "");
  void finish(std::string_view note = "");

 private:
  int64_t tenth() const { return total_ > 10 ? (total_ + 9) / 10 : 1; }
  std::string remaining(double now) const;
  void draw(std::string_view note);

  std::string label_;
  int64_t total_;
  ProgressOptions options_;
  bool terminal_;
  bool finished_ = false;
  int64_t first_ = 0;
  int64_t done_ = 0;
  int64_t next_line_at_ = 0;
  double start_ = 0.0;
  double last_drawn_ = 0.0;
  size_t drawn_width_ = 0;
};

}  // namespace pare::training

#endif  // PARE_TRAINING_PROGRESS_H_
