// Registers the method when a program that links this object starts.

#include "compression/pruning/register_pruning.h"

namespace pare::pruning {

[[maybe_unused]] static const bool registered = [] {
  register_pruning();
  return true;
}();

}  // namespace pare::pruning
