#include "training/read_numbers.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace pare::training {

std::vector<double> read_numbers(const std::vector<at::Tensor>& tensors) {
  const auto on_gpu = std::find_if(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
    return tensor.defined() && !tensor.device().is_cpu();
  });
  std::vector<double> numbers;
  if (on_gpu == tensors.end()) {
    for (const at::Tensor& tensor : tensors) numbers.push_back(tensor.defined() ? tensor.item<double>() : 0.0);
    return numbers;
  }
  const at::TensorOptions options = at::TensorOptions(on_gpu->device()).dtype(at::kDouble);
  std::vector<at::Tensor> moved;
  for (const at::Tensor& tensor : tensors) {
    moved.push_back(tensor.defined() ? tensor.detach().reshape({}).to(options) : at::zeros({}, options));
  }
  const at::Tensor read = at::stack(moved).cpu();
  return {read.data_ptr<double>(), read.data_ptr<double>() + read.numel()};
}

}  // namespace pare::training
