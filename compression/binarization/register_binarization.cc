#include "compression/binarization/register_binarization.h"

#include "compression/binarization/binarization_algorithm.h"
#include "compression/registry.h"

namespace pare::binarization {

void register_binarization() { register_algorithm<BinarizationAlgorithm>("binarization"); }

}  // namespace pare::binarization
