#include "export/check_for_nan.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/isnan.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/torch_guard.h"

namespace pare::exporters {
namespace {

// Of those that non_finite_tensors() lists, parameters and buffers may hold infinities alone, or be used by nothing.
bool matters(const graph::Graph& graph, const std::string& name) {
  const graph::Value* value = graph.find_parameter(name);
  if (value == nullptr) return true;
  if (value->uses().empty() || !value->tensor().defined()) return false;
  const auto has_nan = guard_torch(name, [&] { return at::isnan(value->tensor()).any().item<bool>(); });
  return !has_nan.ok() || *has_nan;
}

}  // namespace

absl::Status check_for_nan(const graph::Model& model) {
  constexpr size_t kShown = 5;
  std::vector<std::string> names;
  for (const std::string& name : model.non_finite_tensors()) {
    if (matters(model.graph(), name)) names.push_back(name);
  }
  if (names.empty()) return absl::OkStatus();
  const size_t more = names.size() > kShown ? names.size() - kShown : 0;
  if (more > 0) names.resize(kShown);
  return absl::InvalidArgumentError(absl::StrCat("export: NaN in ", absl::StrJoin(names, ", "),
                                                 more > 0 ? absl::StrCat(" and ", more, " more") : "",
                                                 ": the model computes nothing; export a checkpoint from before it "
                                                 "diverged, or lower the learning rate"));
}

}  // namespace pare::exporters
