#include "models/torchscript_weights.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/load_torchscript.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::models {
namespace {

using NamedTensors = std::map<std::string, at::Tensor>;

std::string shape_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

NamedTensors tensors_of(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors[item.key()] = item.value();
  for (const auto& item : module.named_buffers()) tensors[item.key()] = item.value();
  return tensors;
}

NamedTensors tensors_of(const torch::jit::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors[item.name] = item.value;
  for (const auto& item : module.named_buffers()) tensors[item.name] = item.value;
  return tensors;
}

absl::Status check_match(const std::string& path, const NamedTensors& ours, const NamedTensors& theirs) {
  for (const auto& [name, tensor] : ours) {
    const auto found = theirs.find(name);
    if (found == theirs.end()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": holds no '", name, "', which the model has with shape ",
                                                     shape_of(tensor), ": these are weights of another model"));
    }
    if (found->second.sizes() != tensor.sizes()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": '", name, "' has the shape ", shape_of(found->second),
                                                     ", the model's has ", shape_of(tensor)));
    }
  }
  for (const auto& [name, tensor] : theirs) {
    if (ours.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": holds '", name, "', which the model lacks: these are weights of another model"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status load_weights_from_torchscript(torch::nn::Module& module, const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file; a TorchScript file is expected"));
  }
  PARE_ASSIGN_OR_RETURN(const torch::jit::Module source, load_torchscript(path));
  const NamedTensors ours = tensors_of(module), theirs = tensors_of(source);
  PARE_RETURN_IF_ERROR(check_match(path, ours, theirs));
  return guard_torch(path, [&] {
    const at::NoGradGuard no_grad;
    // All converted before the first is copied: what can fail (memory, a kind of tensor that does not convert) fails
    // while the module is as it was.
    std::vector<std::pair<at::Tensor, at::Tensor>> copies;
    for (const auto& [name, tensor] : ours) {
      const at::Tensor& given = theirs.at(name);
      TORCH_CHECK(given.layout() == c10::kStrided && !given.is_quantized(), "'", name,
                  "' is no dense tensor of numbers");
      copies.emplace_back(tensor, given.detach().to(tensor.options()));
    }
    for (auto& [to, from] : copies) to.copy_(from);
  });
}

}  // namespace pare::models
