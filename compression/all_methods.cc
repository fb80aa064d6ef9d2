#include "compression/all_methods.h"

#include "compression/distillation/register_distillation.h"
#include "compression/quantization/register_quantization.h"
#include "compression/sparsity/register_sparsity.h"

namespace pare {

void register_all_methods() {
  distillation::register_distillation();
  quantization::register_quantization();
  sparsity::register_sparsity();
}

}  // namespace pare
