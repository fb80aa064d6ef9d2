#include "ops/channel_arithmetic.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace pare::ops {
namespace {

std::atomic<int> scopes = 0;

double sum_of(const float* numbers, std::vector<double>& sums) {
  auto size = static_cast<int64_t>(sums.size());
  for (int64_t i = 0; i < size; ++i) sums[i] = numbers[i];
  while (size > 1) {
    const int64_t half = (size + 1) / 2;
    for (int64_t i = half; i < size; ++i) sums[i - half] += sums[i];
    size = half;
  }
  return sums[0];
}

}  // namespace

bool computes_on_host(const at::Tensor& numbers) { return numbers.device().is_cpu() && scopes == 0; }

ScopedTensorArithmetic::ScopedTensorArithmetic() { ++scopes; }
ScopedTensorArithmetic::~ScopedTensorArithmetic() { --scopes; }

at::Tensor divided(const at::Tensor& x, double divisor) { return x.div(at::full({}, divisor, x.options())); }

at::Tensor sums_of_rows(const at::Tensor& numbers) {
  const int64_t rows = numbers.size(0), columns = numbers.size(1);
  const at::TensorOptions options = numbers.options().dtype(at::kDouble);
  if (columns == 0) return at::zeros({rows}, options);
  if (computes_on_host(numbers)) {
    const at::Tensor result = at::empty({rows}, options);
    std::vector<double> sums(columns);
    for (int64_t row = 0; row < rows; ++row) {
      result.data_ptr<double>()[row] = sum_of(numbers.data_ptr<float>() + row * columns, sums);
    }
    return result;
  }
  const at::Tensor sums = numbers.to(at::kDouble);
  for (int64_t size = columns; size > 1;) {
    const int64_t half = (size + 1) / 2;
    sums.narrow(1, 0, size - half).add_(sums.narrow(1, half, size - half));
    size = half;
  }
  return sums.select(1, 0).contiguous();
}

}  // namespace pare::ops
