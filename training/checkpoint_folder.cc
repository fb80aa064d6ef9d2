#include "training/checkpoint_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "training/output_folder.h"

namespace pare::training {
namespace {

std::string path_of_step(const std::string& folder, int64_t step) {
  return absl::StrFormat("%s/%s%08d%s", folder, kStepCheckpointPrefix, step, kCheckpointSuffix);
}

// The step that a file is named after; nullopt for any other name.
std::optional<int64_t> step_of(const std::string& name) {
  absl::string_view digits = name;
  int64_t step = 0;
  if (!absl::ConsumePrefix(&digits, kStepCheckpointPrefix) || !absl::ConsumeSuffix(&digits, kCheckpointSuffix) ||
      digits.empty() || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      !absl::SimpleAtoi(digits, &step)) {
    return std::nullopt;
  }
  return step;
}

// Steps of the folder's kept checkpoints, the greatest first.
std::vector<int64_t> kept_steps(const std::string& folder) {
  std::vector<int64_t> steps;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    if (const std::optional<int64_t> step = step_of(file->path().filename().string())) steps.push_back(*step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

std::string last_of(const std::string& folder) { return absl::StrCat(folder, "/", kLastCheckpoint); }

// What going back to an older file is right for: nobody can make the newer one readable.
bool is_lost(const absl::Status& status) { return absl::IsDataLoss(status) || absl::IsInternal(status); }

}  // namespace

std::vector<std::string> resumable_checkpoints(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code ignored;
  if (std::filesystem::exists(last_of(folder), ignored)) paths.push_back(last_of(folder));
  for (const int64_t step : kept_steps(folder)) paths.push_back(path_of_step(folder, step));
  return paths;
}

CheckpointFolder::CheckpointFolder(std::string folder, int64_t keep)
    : folder_(std::move(folder)), keep_(std::max<int64_t>(keep, 1)) {}

absl::StatusOr<CheckpointFolder::Found> CheckpointFolder::load_newest() {
  const std::vector<std::string> paths = resumable_checkpoints(folder_);
  if (paths.empty()) return absl::NotFoundError(absl::StrCat("there is no checkpoint in ", folder_));
  std::vector<std::string> faults;
  for (const std::string& path : paths) {
    absl::StatusOr<Checkpoint> checkpoint = load_checkpoint(path);
    if (checkpoint.ok()) {
      if (path == last_of(folder_)) last_step_ = checkpoint->global_step;
      if (!faults.empty()) log_warning(absl::StrCat("training goes on from ", path, ", which is from before"));
      return Found{*std::move(checkpoint), path};
    }
    if (!is_lost(checkpoint.status())) return checkpoint.status();
    faults.emplace_back(checkpoint.status().message());
    log_warning(absl::StrCat(faults.back(), ": it is passed over"));
  }
  return absl::DataLossError(absl::StrCat("no checkpoint in ", folder_, " can be used: ", absl::StrJoin(faults, "; "),
                                          ". Start anew, without resuming, or bring back one of them"));
}

absl::Status CheckpointFolder::save(const Checkpoint& checkpoint) {
  const bool keeps_last = keep_ > 1 && last_step_.has_value() && *last_step_ != checkpoint.global_step;
  absl::Status status = keeps_last ? keep_last() : absl::OkStatus();
  if (status.ok()) status = save_checkpoint(checkpoint, last_of(folder_));
  if (!status.ok()) {
    if (!last_step_.has_value()) return status;
    return absl::Status(status.code(), absl::StrCat(status.message(), "; ", last_of(folder_), ", from after step ",
                                                    *last_step_, ", is as it was: training can be resumed from there"));
  }
  last_step_ = checkpoint.global_step;
  remove_old(checkpoint.global_step);
  return absl::OkStatus();
}

absl::Status CheckpointFolder::keep_last() const {
  const std::string last = last_of(folder_), kept = path_of_step(folder_, *last_step_);
  // One of that step may be there: left by a training that went on from before it.
  unlink(kept.c_str());
  if (link(last.c_str(), kept.c_str()) == 0) return absl::OkStatus();
  // A file system without hard links.
  std::error_code error;
  std::filesystem::copy_file(last, kept, std::filesystem::copy_options::overwrite_existing, error);
  if (!error) return absl::OkStatus();
  unlink(kept.c_str());
  const std::string message = absl::StrCat("cannot keep ", last, " as ", kept, ": ", error.message());
  return error == std::errc::no_space_on_device ? absl::ResourceExhaustedError(message) : absl::InternalError(message);
}

// What is from after `step` was found damaged when training went back to before it.
void CheckpointFolder::remove_old(int64_t step) const {
  int64_t kept = 1;
  for (const int64_t each : kept_steps(folder_)) {
    if (each < step && kept < keep_) {
      ++kept;
    } else {
      unlink(path_of_step(folder_, each).c_str());
    }
  }
}

}  // namespace pare::training
