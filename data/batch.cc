#include "data/batch.h"

namespace pare::data {
namespace {

int64_t first_dimension(const at::Tensor& tensor) { return tensor.defined() && tensor.dim() > 0 ? tensor.size(0) : 0; }

}  // namespace

int64_t Batch::size() const {
  if (targets.defined()) return first_dimension(targets);
  return inputs.empty() ? 0 : first_dimension(inputs.front());
}

double Batch::weight_among(int processes) const {
  const int64_t samples = whole_size();
  // A whole that is nobody's part is each process's own.
  if (whole == 0 || samples == 0) return 1.0;
  return static_cast<double>(size()) * processes / static_cast<double>(samples);
}

}  // namespace pare::data
