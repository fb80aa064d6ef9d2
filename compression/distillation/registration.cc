// Registers the method when a program that links this object starts.

#include "compression/distillation/register_distillation.h"

namespace pare::distillation {

[[maybe_unused]] static const bool registered = [] {
  register_distillation();
  return true;
}();

}  // namespace pare::distillation
