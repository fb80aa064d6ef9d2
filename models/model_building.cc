#include "models/model_building.h"

#include <ATen/Context.h>

#include <mutex>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace pare::models {

absl::Status check_range(std::string_view model, std::string_view option, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("model ", std::string(model), ": ", std::string(option), " is ", value,
                                                 ", but goes from ", least, " to ", most));
}

absl::Status check_model_options(std::string_view name, const ModelOptions& options) {
  if (absl::Status s = check_range(name, "num_classes", options.num_classes, 1, 1 << 24); !s.ok()) return s;
  if (absl::Status s = check_range(name, "in_channels", options.in_channels, 1, kMostWidth); !s.ok()) return s;
  return check_range(name, "image_size", options.image_size, 1, 1 << 14);
}

void with_seed(uint64_t seed, absl::FunctionRef<void()> build) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  at::Tensor state;
  {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    state = generator.get_state();
    generator.set_current_seed(seed);
  }
  const auto restore = absl::MakeCleanup([&] {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  });
  build();
}

}  // namespace pare::models
