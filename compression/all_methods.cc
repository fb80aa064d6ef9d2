#include "compression/all_methods.h"

#include "compression/binarization/register_binarization.h"
#include "compression/distillation/register_distillation.h"
#include "compression/pruning/register_pruning.h"
#include "compression/quantization/register_quantization.h"
#include "compression/sparsity/register_sparsity.h"

namespace pare {

void register_all_methods() {
  binarization::register_binarization();
  distillation::register_distillation();
  pruning::register_pruning();
  quantization::register_quantization();
  sparsity::register_sparsity();
}

}  // namespace pare
