#include "compression/analysis/weight_conflicts.h"

#include <map>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "compression/analysis/operator_traits.h"

namespace pare {
namespace {

using graph::Node;

std::optional<WeightUse> use_of(std::string_view transform_type) {
  static const auto* uses = new std::map<std::string_view, WeightUse>{
      {"sparsity_mask", WeightUse::kZeros},        {"rb_mask", WeightUse::kZeros},
      {"movement_mask", WeightUse::kZeros},        {"quantizer", WeightUse::kQuantizes},
      {"weight_binarizer", WeightUse::kBinarizes},
  };
  const auto found = uses->find(transform_type);
  return found == uses->end() ? std::nullopt : std::optional(found->second);
}

const char* verb(WeightUse use) {
  switch (use) {
    case WeightUse::kZeros:
      return "sets to zero in part";
    case WeightUse::kQuantizes:
      return "quantizes";
    case WeightUse::kBinarizes:
      return "binarizes";
    case WeightUse::kRemoves:
      return "prunes";
  }
  return "uses";
}

bool go_together(WeightUse one, WeightUse other) {
  if (one == WeightUse::kRemoves || other == WeightUse::kRemoves) return true;
  return (one == WeightUse::kZeros && other == WeightUse::kQuantizes) ||
         (one == WeightUse::kQuantizes && other == WeightUse::kZeros);
}

// The first transform behind `value` that does not go with `use`; nullptr if there is none.
const Node* find_conflict(const graph::Value& value, WeightUse use) {
  for (const graph::Use& place : value.uses()) {
    const Node* user = place.user;
    if (user == nullptr || place.index != 0) continue;
    if (user->is_transform()) {
      const auto other = use_of(user->transform()->type());
      if (other.has_value() && !go_together(use, *other)) return user;
    } else if (operator_traits(*user, TargetDevice::kAny).kind != OperatorKind::kMovement) {
      continue;
    }
    for (const graph::Value* output : user->outputs()) {
      if (const Node* found = find_conflict(*output, use); found != nullptr) return found;
    }
  }
  return nullptr;
}

}  // namespace

absl::Status check_weight_is_free(const graph::Value& weight, WeightUse use, const AlgorithmConfig& config) {
  const Node* conflict = find_conflict(weight, use);
  if (conflict == nullptr) return absl::OkStatus();
  const graph::Transform& other = *conflict->transform();
  return absl::InvalidArgumentError(absl::StrCat(
      config.path, ": the method \"", config.name, "\" ", verb(use), " the weight ", weight.name(), ", which ",
      other.owner().empty() ? absl::StrCat("a transform of type \"", std::string(other.type()), "\"") : other.owner(),
      " ", verb(*use_of(other.type())),
      " already; these do not go together on one layer: name it in ignored_scopes of "
      "one of the two"));
}

}  // namespace pare
