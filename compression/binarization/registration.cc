// Registers the method when a program that links this object starts.

#include "compression/binarization/register_binarization.h"

namespace pare::binarization {

[[maybe_unused]] static const bool registered = [] {
  register_binarization();
  return true;
}();

}  // namespace pare::binarization
