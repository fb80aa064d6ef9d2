#include "compression/analysis/zero_inputs.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"
#include "compression/analysis/operator_traits.h"

namespace pare {

absl::StatusOr<std::vector<at::Tensor>> zero_inputs(const graph::Model& model,
                                                    const std::vector<std::vector<int64_t>>& input_size) {
  const std::vector<at::Tensor> parameters = model.parameters();
  const std::vector<graph::Value*>& values = model.graph().inputs();
  if (values.size() != input_size.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the model has ", values.size(), " inputs, but ", input_size.size(),
                                                   " shapes are given: give one for each"));
  }
  return guard_torch("zeros to run the model on", [&] {
    std::vector<at::Tensor> inputs;
    for (size_t i = 0; i < input_size.size(); ++i) {
      const std::vector<graph::Use>& uses = values[i]->uses();
      const bool is_index = std::any_of(uses.begin(), uses.end(), is_index_use);
      at::TensorOptions options = at::TensorOptions().dtype(is_index ? c10::kLong : c10::kFloat);
      if (!parameters.empty()) {
        options = options.device(parameters[0].device());
        if (!is_index && parameters[0].is_floating_point()) options = options.dtype(parameters[0].scalar_type());
      }
      inputs.push_back(at::zeros(input_size[i], options));
    }
    return inputs;
  });
}

}  // namespace pare
