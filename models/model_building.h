// models/model_building.h: what the models' sources share: the checks of options, the seeding of initial weights, and
// the step from a module class with a forward() to a BuiltModel.
//
//   absl::StatusOr<BuiltModel> make_mlp(const ModelOptions& model, const MlpOptions& options) {
//     PARE_RETURN_IF_ERROR(check_range("mlp", "hidden", options.hidden, 1, kMostWidth));
//     return build_model("mlp", model, [&] { return std::make_shared<MlpImpl>(model, options); });
//   }

#ifndef PARE_MODELS_MODEL_BUILDING_H_
#define PARE_MODELS_MODEL_BUILDING_H_

#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/torch_guard.h"
#include "models/model.h"

namespace pare::models {

// The most channels or features of one layer.
inline constexpr int64_t kMostWidth = 65536;

// InvalidArgument, naming model and option, unless least <= value <= most.
absl::Status check_range(std::string_view model, std::string_view option, int64_t value, int64_t least, int64_t most);

// The ranges that hold for every model.
absl::Status check_model_options(std::string_view name, const ModelOptions& options);

// Runs `build` with LibTorch's CPU generator seeded, and gives the generator its former state back.
void with_seed(uint64_t seed, absl::FunctionRef<void()> build);

// `construct` makes a std::shared_ptr of the module class.
template <typename Construct>
absl::StatusOr<BuiltModel> build_model(std::string_view name, const ModelOptions& options, Construct&& construct) {
  if (absl::Status status = check_model_options(name, options); !status.ok()) return status;
  return guard_torch(name, [&] {
    decltype(construct()) module;
    with_seed(options.seed, [&] { module = construct(); });
    BuiltModel model;
    model.module = module;
    model.forward = [module](const at::Tensor& images) { return module->forward(images); };
    model.input_shape = {1, options.in_channels, options.image_size, options.image_size};
    return model;
  });
}

}  // namespace pare::models

#endif  // PARE_MODELS_MODEL_BUILDING_H_
