// compression/registry.h: compression methods by name, and the macro that adds one.
//
//   PARE_REGISTER_ALGORITHM("rounding", Rounding);          // at namespace scope, in a target with alwayslink = True
//
//   void register_rounding() {                              // for those who link statically and drop unused objects
//     register_algorithm<Rounding>("rounding");             // again and again is fine
//   }

#ifndef PARE_COMPRESSION_REGISTRY_H_
#define PARE_COMPRESSION_REGISTRY_H_

#include <functional>
#include <memory>
#include <string>
#include <typeinfo>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/torch_guard.h"
#include "compression/algorithm.h"

namespace pare {

using AlgorithmFactory = std::function<absl::StatusOr<std::unique_ptr<CompressionAlgorithm>>(
    std::shared_ptr<graph::Model>, const AlgorithmConfig&, const InputSize&)>;

// A name that is taken keeps its factory, and `false` is returned. `class_name`, where it is given, is logged when the
// name is taken by another class: two libraries have chosen the same one. Thread-safe, as are the next two.
bool register_algorithm(const std::string& name, AlgorithmFactory factory, const std::string& class_name = "");

// In alphabetical order.
std::vector<std::string> registered_algorithms();

// OK, or NotFound, with the nearest name or the registered ones and the JSON path, if there is none of config.name.
absl::Status check_registered(const AlgorithmConfig& config);

// check_registered()'s error, or what the method's factory returns; an exception that it throws is a status, too.
absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make_algorithm(std::shared_ptr<graph::Model> model,
                                                                     const AlgorithmConfig& config,
                                                                     const InputSize& input_size);

template <typename Algorithm>
bool register_algorithm(const std::string& name) {
  return register_algorithm(
      name,
      [](std::shared_ptr<graph::Model> model, const AlgorithmConfig& config,
         const InputSize& input_size) -> absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> {
        if constexpr (requires { Algorithm::create(std::move(model), config, input_size); }) {
          return Algorithm::create(std::move(model), config, input_size);
        } else {
          return guard_torch(config.path, [&]() -> std::unique_ptr<CompressionAlgorithm> {
            return std::make_unique<Algorithm>(std::move(model), config, input_size);
          });
        }
      },
      typeid(Algorithm).name());
}

}  // namespace pare

#define PARE_REGISTER_ALGORITHM(name, type) PARE_REGISTER_ALGORITHM_IMPL_(name, type, __COUNTER__)
#define PARE_REGISTER_ALGORITHM_IMPL_(name, type, counter) PARE_REGISTER_ALGORITHM_IMPL2_(name, type, counter)
#define PARE_REGISTER_ALGORITHM_IMPL2_(name, type, counter) \
  [[maybe_unused]] static const bool pare_registered_algorithm_##counter = ::pare::register_algorithm<type>(name)

#endif  // PARE_COMPRESSION_REGISTRY_H_
