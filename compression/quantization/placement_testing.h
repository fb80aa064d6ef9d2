// compression/quantization/placement_testing.h: reads what placement decided, for tests.
//
//   TestNet net;
//   ... x -> conv1 -> relu1 ...
//   EXPECT_EQ(activations(place(net)), (std::map<std::string, std::string>{{"x", "conv1"}}));

#ifndef PARE_COMPRESSION_QUANTIZATION_PLACEMENT_TESTING_H_
#define PARE_COMPRESSION_QUANTIZATION_PLACEMENT_TESTING_H_

#include <map>
#include <string>
#include <vector>

#include "compression/analysis/test_net.h"
#include "compression/quantization/placement.h"

namespace pare::quantization {

// Names of the quantized values -> the operators served (nodes' scopes, joined by spaces), activations alone.
inline std::map<std::string, std::string> activations(const QuantizerSetup& setup) {
  std::map<std::string, std::string> result;
  for (const QuantizationPoint& point : setup.points) {
    if (point.is_weight) continue;
    std::string& served = result[point.name];
    for (const graph::Node* node : point.served) served += (served.empty() ? "" : " ") + node->scope();
  }
  return result;
}

inline std::vector<std::string> weights(const QuantizerSetup& setup) {
  std::vector<std::string> names;
  for (const QuantizationPoint& point : setup.points) {
    if (point.is_weight) names.push_back(point.name);
  }
  return names;
}

inline const QuantizationPoint* find_point(const QuantizerSetup& setup, const std::string& name) {
  for (const QuantizationPoint& point : setup.points) {
    if (point.name == name) return &point;
  }
  return nullptr;
}

inline QuantizerSetup place(TestNet& net, const PlacementOptions& options = {}) {
  auto setup = place_quantizers(net.graph(), options);
  EXPECT_TRUE(setup.ok()) << setup.status();
  return setup.ok() ? *std::move(setup) : QuantizerSetup{};
}

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_PLACEMENT_TESTING_H_
