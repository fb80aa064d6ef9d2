// graph/device.h: where a model is.
//
//   batch = training::to_device(batch, graph::device_of(model.graph()));

#ifndef PARE_GRAPH_DEVICE_H_
#define PARE_GRAPH_DEVICE_H_

#include <c10/core/Device.h>

#include "graph/graph.h"

namespace pare::graph {

// The device of the first parameter that is defined, else of the first buffer; the CPU if there is none. A model is on
// one device.
c10::Device device_of(const Graph& graph);

}  // namespace pare::graph

#endif  // PARE_GRAPH_DEVICE_H_
