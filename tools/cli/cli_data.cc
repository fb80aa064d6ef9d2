#include "tools/cli/cli_data.h"

#include <cmath>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/cli/flags.h"

namespace pare::tools {

namespace {

absl::StatusOr<std::vector<double>> numbers(const std::string& flag, const std::vector<std::string>& words) {
  std::vector<double> result;
  for (const std::string& word : words) {
    double number;
    if (!absl::SimpleAtod(word, &number) || !std::isfinite(number)) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag, ": '", word, "' is no number"));
    }
    result.push_back(number);
  }
  return result;
}

}  // namespace

absl::StatusOr<DataSource> data_source_from_flags() {
  DataSource source;
  source.name = absl::GetFlag(FLAGS_dataset);
  if (source.name.empty()) {
    return absl::InvalidArgumentError("--dataset is missing: cifar10, images, mnist or procedural");
  }
  source.dir = absl::GetFlag(FLAGS_data_dir);
  PARE_ASSIGN_OR_RETURN(source.mean, numbers("mean", absl::GetFlag(FLAGS_mean)));
  PARE_ASSIGN_OR_RETURN(source.stddev, numbers("std", absl::GetFlag(FLAGS_std)));
  if (source.mean.empty() != source.stddev.empty()) {
    return absl::InvalidArgumentError("--mean and --std go together: one of them is missing");
  }
  source.image_size = absl::GetFlag(FLAGS_image_size);
  return source;
}

absl::StatusOr<std::vector<int64_t>> input_shape_from_flags() {
  std::vector<int64_t> shape;
  for (const std::string& word : absl::GetFlag(FLAGS_input_shape)) {
    int64_t size;
    if (!absl::SimpleAtoi(word, &size) || size < 1 || size > (int64_t{1} << 31)) {
      return absl::InvalidArgumentError(absl::StrCat("--input_shape: '", word, "' is no size; write 1,3,224,224"));
    }
    shape.push_back(size);
  }
  return shape;
}

}  // namespace pare::tools
