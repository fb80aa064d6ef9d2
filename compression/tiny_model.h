// compression/tiny_model.h: a model of two linear layers for this folder's tests, built by hand.
//
//   "TinyNet": x [B, 4] -> fc1 (Linear 4 -> 3) -> act (ReLU) -> fc2 (Linear 3 -> 2)

#ifndef PARE_COMPRESSION_TINY_MODEL_H_
#define PARE_COMPRESSION_TINY_MODEL_H_

#include <memory>
#include <string>

#include "graph/model.h"

namespace pare {

// Deterministic weights that require gradients; in evaluation mode. The program ends if the graph cannot be built.
std::shared_ptr<graph::Model> make_tiny_model();

}  // namespace pare

#endif  // PARE_COMPRESSION_TINY_MODEL_H_
