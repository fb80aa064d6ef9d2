#include "compression/sparsity/register_sparsity.h"

#include "compression/registry.h"
#include "compression/sparsity/const_sparsity.h"
#include "compression/sparsity/magnitude_sparsity.h"
#include "compression/sparsity/movement_sparsity.h"
#include "compression/sparsity/n_of_m_sparsity.h"
#include "compression/sparsity/rb_sparsity.h"

namespace pare::sparsity {

void register_sparsity() {
  register_algorithm<MagnitudeSparsity>("magnitude_sparsity");
  register_algorithm<RbSparsity>("rb_sparsity");
  register_algorithm<MovementSparsity>("movement_sparsity");
  register_algorithm<ConstSparsity>("const_sparsity");
  register_algorithm<NOfMSparsity>("n_of_m_sparsity");
}

}  // namespace pare::sparsity
