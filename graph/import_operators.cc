#include "graph/import_operators.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <set>
#include <string_view>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/torch_guard.h"
#include "graph/allowed_operators.h"

namespace pare::graph {

namespace {

std::string name_of(const torch::jit::Node* node) { return node->kind().toQualString(); }

bool has_any(const std::set<std::string_view>& names, const torch::jit::Node* node) {
  return names.count(std::string_view(node->kind().toQualString())) > 0;
}

}  // namespace

std::string source_of(const torch::jit::Node* node) {
  // Of a file, the place in the model's own source, from before it was saved, where that is known.
  const auto original = node->sourceRange().findSourceRangeThatGenerated();
  const auto place = (original.has_value() ? *original : node->sourceRange()).file_line_col();
  if (!place.has_value() || std::get<0>(*place).empty()) return "";
  const std::string& file = std::get<0>(*place);
  // The folder is one of the machine that made the model: it tells nothing here.
  const size_t slash = file.find_last_of('/');
  return absl::StrCat(slash == std::string::npos ? file : file.substr(slash + 1), ":", std::get<1>(*place));
}

absl::Status with_source(absl::Status status, const torch::jit::Node* node) {
  const std::string source = source_of(node);
  return absl::Status(status.code(), absl::StrCat(std::string(status.message()), " (", name_of(node),
                                                  source.empty() ? "" : absl::StrCat(" at ", source), ")"));
}

absl::Status check_allowed(const torch::jit::Node* node) {
  const std::string name = name_of(node);
  if (is_allowed_operator(name)) return absl::OkStatus();
  return with_source(
      absl::UnimplementedError(absl::StrCat(
          "operator ", name,
          " is not on the list of those that a model file may use, which hold no way to files, processes or LibTorch's "
          "own state (docs/security.md); remove it from the model or, if you trust the operator, allow it with "
          "graph::allow_operators({\"",
          name, "\"})")),
      node);
}

absl::Status check_registered(const torch::jit::Node* node) {
  if (node->maybeOperator() != nullptr) return absl::OkStatus();
  return with_source(
      absl::UnimplementedError(absl::StrCat("operator ", name_of(node),
                                            " is not registered or is not supported by import: load the library that "
                                            "adds it before the import, or trace the model with torch.jit.trace")),
      node);
}

bool is_builtin(const torch::jit::Node* node) {
  const std::string name = name_of(node);
  return absl::StartsWith(name, "aten::") || absl::StartsWith(name, "prim::");
}

bool is_pure(const torch::jit::Node* node) {
  static const std::set<std::string_view> kDespiteName = {"prim::Print", "prim::RaiseException", "prim::data",
                                                          "prim::grad", "prim::AutogradZero"};
  const std::string name = name_of(node);
  if (!is_builtin(node)) return false;
  if (has_any(kDespiteName, node) || absl::StrContains(name, "rand") || absl::StrContains(name, "dropout")) {
    return false;
  }
  if (node->maybeOperator() == nullptr || !check_allowed(node).ok()) return false;
  if (node->isNondeterministic() || node->hasSideEffects()) return false;
  for (const c10::Argument& argument : node->getOperator().schema().arguments()) {
    if (argument.alias_info() != nullptr && argument.alias_info()->isWrite()) return false;
  }
  return true;
}

bool is_metadata(const torch::jit::Node* node) {
  static const std::set<std::string_view> kNames = {
      "aten::size",
      "aten::dim",
      "aten::numel",
      "aten::len",
      "aten::stride",
      "aten::is_complex",
      "prim::dtype",
      "prim::device",
      "prim::layout",
      "prim::is_cuda",
      "prim::is_cpu",
      "prim::is_mkldnn",
      "prim::is_quantized",
      "prim::is_sparse",
      "aten::is_contiguous",
      "prim::shape",
      "prim::requires_grad",
      "aten::is_signed",
      "prim::type",
      "aten::storage_offset",
      "aten::result_type",
      "prim::is_meta",
      "aten::is_floating_point",
      "aten::element_size",
      "prim::is_nested",
      "prim::itemsize",
      "aten::get_device",
      "prim::is_mps",
      "prim::is_xpu",
      "prim::is_xla",
      "aten::list_with_default",
      "aten::__is__",
      "aten::__isnot__",
  };
  return has_any(kNames, node);
}

bool has_data_shape(const torch::jit::Node* node) {
  static const std::set<std::string_view> kNames = {
      "aten::nonzero",
      "aten::nonzero_numpy",
      "aten::argwhere",
      "aten::masked_select",
      "aten::unique_dim",
      "aten::unique_consecutive",
      "aten::unique_dim_consecutive",
      "aten::_unique",
      "aten::_unique2",
      "aten::bincount",
      "aten::to_sparse",
      "aten::coalesce",
      "aten::_pack_padded_sequence",
      "aten::_pad_packed_sequence",
  };
  const std::string name = name_of(node);
  // where(condition) alone is nonzero by another name.
  if (name == "aten::where") return node->inputs().size() == 1;
  if (name == "aten::repeat_interleave") {
    return node->inputs().size() < 3 || node->input(1)->type()->kind() != c10::TypeKind::IntType;
  }
  if (name == "aten::tensor_split") return node->input(1)->type()->isSubtypeOf(*c10::TensorType::get());
  if (name == "aten::one_hot") {
    const auto classes = torch::jit::toIValue(node->inputs().back());
    return !classes.has_value() || !classes->isInt() || classes->toInt() < 0;
  }
  return has_any(kNames, node) || absl::EndsWith(name, "nms");
}

bool sizes_result(const torch::jit::Node* node, size_t argument) {
  const torch::jit::Operator* op = node->maybeOperator();
  if (op == nullptr || argument >= op->schema().arguments().size()) return true;
  const std::string name = name_of(node);
  c10::TypePtr type = op->schema().arguments()[argument].type();
  if (type->kind() == c10::TypeKind::NumberType) {
    return name == "aten::arange" || name == "aten::range" || name == "aten::linspace" || name == "aten::logspace";
  }
  while (type->kind() == c10::TypeKind::OptionalType || type->kind() == c10::TypeKind::ListType) {
    type = type->containedTypes().front();
  }
  return type->kind() == c10::TypeKind::IntType || type->kind() == c10::TypeKind::SymIntType;
}

bool has_effect(const torch::jit::Node* node) {
  const torch::jit::Operator* op = node->maybeOperator();
  if (op == nullptr) return false;
  const auto& arguments = op->schema().arguments();
  return node->hasSideEffects() || std::any_of(arguments.begin(), arguments.end(), [](const c10::Argument& each) {
           return each.alias_info() != nullptr && each.alias_info()->isWrite();
         });
}

Origin origin_of(const torch::jit::Node* node) {
  const torch::jit::SourceRange& range = node->sourceRange();
  const auto original = range.findSourceRangeThatGenerated();
  const auto source = (original.has_value() ? *original : range).source();
  if (source == nullptr || source->size() == 0) return Origin::kUnknown;
  // A file's own text, when nothing is left of what it was made from.
  const bool is_serialized = source->filename().has_value() && absl::StartsWith(*source->filename(), "code/");
  if (!original.has_value() && is_serialized) return Origin::kUnknown;
  const std::string text = source->text_str().str();
  const std::string line = text.substr(0, text.find('\n'));
  const size_t call = line.find("): ");
  const size_t bracket = call == std::string::npos ? call : line.rfind('(', call);
  const bool is_stack = bracket != std::string::npos && bracket > 0 && call > bracket + 1 &&
                        line.find_first_not_of("0123456789", bracket + 1) == call;
  return is_stack ? Origin::kTrace : Origin::kScript;
}

std::shared_ptr<torch::jit::Operator> operator_of(const torch::jit::Node* node) {
  const torch::jit::Operator* found = node->maybeOperator();
  if (found == nullptr) return nullptr;
  for (const std::shared_ptr<torch::jit::Operator>& candidate : torch::jit::getAllOperatorsFor(node->kind())) {
    if (candidate.get() == found) return candidate;
  }
  return nullptr;
}

absl::StatusOr<std::vector<c10::IValue>> run_operator(const torch::jit::Node* node, std::vector<c10::IValue> inputs) {
  const std::shared_ptr<torch::jit::Operator> found = operator_of(node);
  if (found == nullptr) return check_registered(node);
  auto result = guard_torch(name_of(node), [&] {
    at::NoGradGuard no_grad;
    if (found->schema().is_vararg()) inputs.emplace_back(static_cast<int64_t>(inputs.size()));
    found->getOperation(node)(inputs);
    return std::move(inputs);
  });
  if (!result.ok()) return with_source(result.status(), node);
  return result;
}

}  // namespace pare::graph
