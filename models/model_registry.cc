#include "models/model_registry.h"

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/mlp.h"
#include "models/mobilenet_v2.h"
#include "models/resnet.h"
#include "models/vision_transformer.h"

namespace pare::models {
namespace {

// Below this, halving the resolution five times leaves nothing.
constexpr int64_t kSmallImage = 64;

struct Registry {
  std::mutex mutex;
  std::map<std::string, ModelFactory> factories;
};

Registry& registry() {
  static Registry& instance = *new Registry{
      {},
      {{"mlp", [](const ModelOptions& options) { return make_mlp({}, options); }},
       {"mobilenet_v2",
        [](const ModelOptions& options) {
          return make_mobilenet_v2({.small_images = options.image_size < kSmallImage}, options);
        }},
       {"resnet20", [](const ModelOptions& options) { return make_resnet(kResNet20, options); }},
       {"resnet56", [](const ModelOptions& options) { return make_resnet(kResNet56, options); }},
       {"small_resnet", [](const ModelOptions& options) { return make_resnet(kSmallResNet, options); }},
       {"vision_transformer", [](const ModelOptions& options) { return make_vision_transformer({}, options); }}}};
  return instance;
}

}  // namespace

absl::StatusOr<BuiltModel> make_model(const std::string& name, const ModelOptions& options) {
  ModelFactory factory;
  {
    const std::lock_guard<std::mutex> lock(registry().mutex);
    if (const auto found = registry().factories.find(name); found != registry().factories.end()) {
      factory = found->second;
    }
  }
  if (factory) return factory(options);
  return absl::NotFoundError(
      absl::StrCat("there is no model '", name, "'; the models are ", absl::StrJoin(model_names(), ", ")));
}

bool has_model(const std::string& name) {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  return registry().factories.count(name) > 0;
}

std::vector<std::string> model_names() {
  const std::lock_guard<std::mutex> lock(registry().mutex);
  std::vector<std::string> names;
  for (const auto& [name, factory] : registry().factories) names.push_back(name);
  return names;
}

absl::Status register_model(const std::string& name, ModelFactory factory) {
  if (name.empty() || !factory) return absl::InvalidArgumentError("a model needs a name and a factory");
  const std::lock_guard<std::mutex> lock(registry().mutex);
  if (registry().factories.emplace(name, std::move(factory)).second) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("a model '", name, "' is registered already: choose another name"));
}

}  // namespace pare::models
