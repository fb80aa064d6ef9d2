#include "compression/quantization/register_quantization.h"

#include "compression/quantization/quantization_algorithm.h"
#include "compression/registry.h"

namespace pare::quantization {

void register_quantization() { register_algorithm<QuantizationAlgorithm>("quantization"); }

}  // namespace pare::quantization
