#include "compression/registry.h"

#include <cxxabi.h>

#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "config/nearest.h"

namespace pare {

namespace {

constinit std::mutex mutex;

struct Entry {
  AlgorithmFactory factory;
  std::string class_name;  // may be empty
};

// Made on first use, so that registrations of other files' static initializers find it; never destroyed.
std::map<std::string, Entry>& entries() {
  static auto* entries = new std::map<std::string, Entry>();
  return *entries;
}

// The name of a class as it stands in the source, where the compiler can tell.
std::string readable(const std::string& class_name) {
  int status = 0;
  char* name = abi::__cxa_demangle(class_name.c_str(), nullptr, nullptr, &status);
  const std::string result = name == nullptr ? class_name : name;
  std::free(name);
  return result;
}

}  // namespace

bool register_algorithm(const std::string& name, AlgorithmFactory factory, const std::string& class_name) {
  std::string present;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto [entry, is_new] = entries().try_emplace(name, Entry{std::move(factory), class_name});
    if (is_new) return true;
    present = entry->second.class_name;
  }
  if (!present.empty() && !class_name.empty() && present != class_name) {
    log_warning(absl::StrCat("the compression method \"", name, "\" is registered twice: it stays the class ",
                             readable(present), ", and ", readable(class_name), " needs another name"));
  }
  return false;
}

std::vector<std::string> registered_algorithms() {
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries()) names.push_back(name);
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
    const std::lock_guard<std::mutex> lock(mutex);
    factory = entries().at(config.name).factory;
  }
  try {
    return factory(std::move(model), config, input_size);
  } catch (...) {
    return status_of_exception(config.path, std::current_exception());
  }
}

}  // namespace pare
