// Registers the methods when a program that links this object starts.

#include "compression/sparsity/register_sparsity.h"

namespace pare::sparsity {

[[maybe_unused]] static const bool registered = [] {
  register_sparsity();
  return true;
}();

}  // namespace pare::sparsity
