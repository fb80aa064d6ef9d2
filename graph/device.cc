#include "graph/device.h"

namespace pare::graph {

c10::Device device_of(const Graph& graph) {
  for (const auto* values : {&graph.parameters(), &graph.buffers()}) {
    for (const Value* value : *values) {
      if (value->tensor().defined()) return value->tensor().device();
    }
  }
  return c10::Device(c10::kCPU);
}

}  // namespace pare::graph
