#include "compression/registry.h"

#include <exception>
#include <map>
#include <utility>

#include "absl/base/const_init.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status_macros.h"
#include "config/nearest.h"

namespace pare {

namespace {

absl::Mutex mutex(absl::kConstInit);

// Made on first use, so that registrations of other files' static initializers find it; never destroyed.
std::map<std::string, AlgorithmFactory>& factories() {
  static auto* factories = new std::map<std::string, AlgorithmFactory>();
  return *factories;
}

}  // namespace

bool register_algorithm(const std::string& name, AlgorithmFactory factory) {
  const absl::MutexLock lock(&mutex);
  return factories().emplace(name, std::move(factory)).second;
}

std::vector<std::string> registered_algorithms() {
  const absl::MutexLock lock(&mutex);
  std::vector<std::string> names;
  for (const auto& [name, factory] : factories()) names.push_back(name);
  return names;
}

absl::Status check_registered(const AlgorithmConfig& config) {
  const std::vector<std::string> names = registered_algorithms();
  for (const std::string& name : names) {
    if (name == config.name) return absl::OkStatus();
  }
  const std::string hint =
      names.empty() ? "; no method is linked into this program" : config::suggestion(config.name, names);
  return absl::NotFoundError(
      absl::StrCat(config.path, ".algorithm: there is no compression method ", config::quote(config.name), hint));
}

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make_algorithm(std::shared_ptr<graph::Model> model,
                                                                     const AlgorithmConfig& config,
                                                                     const InputSize& input_size) {
  PARE_RETURN_IF_ERROR(check_registered(config));
  AlgorithmFactory factory;
  {
    const absl::MutexLock lock(&mutex);
    factory = factories().at(config.name);
  }
  try {
    return factory(std::move(model), config, input_size);
  } catch (...) {
    return status_of_exception(config.path, std::current_exception());
  }
}

}  // namespace pare
