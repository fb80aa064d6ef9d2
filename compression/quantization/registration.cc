// Registers the method when a program that links this object starts.

#include "compression/quantization/quantization_algorithm.h"
#include "compression/registry.h"

namespace pare::quantization {

PARE_REGISTER_ALGORITHM("quantization", QuantizationAlgorithm);

}  // namespace pare::quantization
