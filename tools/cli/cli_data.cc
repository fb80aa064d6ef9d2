#include "tools/cli/cli_data.h"

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"
#include "tools/common/device.h"
#include "tools/common/kernels.h"
#include "tools/common/parse_numbers.h"

namespace pare::tools {

namespace {

constexpr int64_t kMostValues = int64_t{1} << 31;

absl::StatusOr<std::vector<double>> numbers(const std::string& flag, const std::vector<std::string>& words) {
  absl::StatusOr<std::vector<double>> result = parse_numbers(flag, words);
  if (!result.ok()) return as_usage_error(result.status());
  return result;
}

}  // namespace

absl::Status require_flag(const absl::Flag<std::string>& flag, std::string_view hint) {
  if (!absl::GetFlag(flag).empty()) return absl::OkStatus();
  return usage_error(absl::StrCat("--", flag.Name(), " is missing", hint.empty() ? "" : ": ", std::string(hint)));
}

absl::StatusOr<std::vector<double>> numbers_from_flag(const absl::Flag<std::vector<std::string>>& flag) {
  return numbers(std::string(flag.Name()), absl::GetFlag(flag));
}

absl::StatusOr<int64_t> count_from_flag(const absl::Flag<int64_t>& flag, int64_t least) {
  const int64_t value = absl::GetFlag(flag);
  if (value >= least) return value;
  return usage_error(absl::StrCat("--", flag.Name(), "=", value, ": at least ", least, " is needed"));
}

absl::StatusOr<DataSource> data_source_from_flags() {
  DataSource source;
  source.name = absl::GetFlag(FLAGS_dataset);
  PARE_RETURN_IF_ERROR(require_flag(FLAGS_dataset, "cifar10, images, mnist or procedural"));
  source.dir = absl::GetFlag(FLAGS_data_dir);
  PARE_ASSIGN_OR_RETURN(source.mean, numbers("mean", absl::GetFlag(FLAGS_mean)));
  PARE_ASSIGN_OR_RETURN(source.stddev, numbers("std", absl::GetFlag(FLAGS_std)));
  if (source.mean.empty() != source.stddev.empty()) {
    return usage_error("--mean and --std go together: one of them is missing");
  }
  PARE_ASSIGN_OR_RETURN(source.image_size, count_from_flag(FLAGS_image_size, 0));
  source.seed = absl::GetFlag(FLAGS_seed);
  return source;
}

absl::StatusOr<std::vector<int64_t>> input_shape_from_flags() {
  std::vector<int64_t> shape;
  int64_t values = 1;
  for (const std::string& word : absl::GetFlag(FLAGS_input_shape)) {
    int64_t size;
    if (!absl::SimpleAtoi(word, &size) || size < 1 || size > kMostValues) {
      return usage_error(absl::StrCat("--input_shape: '", word, "' is no size; write 1,3,224,224"));
    }
    if (size > kMostValues / values) {
      return usage_error(absl::StrCat("--input_shape: ", absl::StrJoin(absl::GetFlag(FLAGS_input_shape), ","),
                                      " has more than ", kMostValues, " values"));
    }
    values *= size;
    shape.push_back(size);
  }
  return shape;
}

absl::Status choose_kernels_by_flag(const std::string& specification) {
  const std::string flag = absl::GetFlag(FLAGS_backend);
  if (flag.empty()) return choose_kernels(specification);
  const absl::Status status = choose_kernels(flag);
  // A name that there is not, and not a driver that is missing.
  if (absl::IsNotFound(status) || absl::IsInvalidArgument(status)) {
    return usage_error(absl::StrCat("--backend: ", std::string(status.message())));
  }
  return status;
}

absl::StatusOr<c10::Device> device_from_flag() {
  absl::StatusOr<c10::Device> device = open_device(absl::GetFlag(FLAGS_device));
  // A word or a number that there is not, and not a GPU that is missing.
  if (absl::IsInvalidArgument(device.status())) {
    return usage_error(absl::StrCat("--device: ", std::string(device.status().message())));
  }
  return device;
}

}  // namespace pare::tools
