#include "data/batch.h"

namespace pare::data {
namespace {

int64_t first_dimension(const at::Tensor& tensor) { return tensor.defined() && tensor.dim() > 0 ? tensor.size(0) : 0; }

}  // namespace

int64_t Batch::size() const {
  if (targets.defined()) return first_dimension(targets);
  return inputs.empty() ? 0 : first_dimension(inputs.front());
}

}  // namespace pare::data
