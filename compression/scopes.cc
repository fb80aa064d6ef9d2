#include "compression/scopes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/nearest.h"

namespace pare {

namespace {

constexpr std::string_view kRegexPrefix = "{re}";
constexpr size_t kMaxScopeLength = 4096;

bool is_wrapped_by_nncf(const std::string& module_class) {
  static const auto* classes = new std::set<std::string>{
      "BatchNorm1d", "BatchNorm2d",  "BatchNorm3d",     "Conv1d",          "Conv2d",    "Conv3d",    "ConvTranspose1d",
      "Embedding",   "EmbeddingBag", "ConvTranspose2d", "ConvTranspose3d", "GroupNorm", "LayerNorm", "Linear",
  };
  return classes->count(module_class) != 0;
}

// The names of Python functions by which NNCF's versions call an ATen operator, where they differ from ATen's.
std::vector<std::string> nncf_operator_names(const std::string& op, const std::vector<std::string>& classes) {
  static const auto* aliases = new std::map<std::string, std::vector<std::string>>{
      {"add", {"__add__", "__iadd__", "__radd__", "add"}},
      {"addmm", {"linear", "addmm"}},
      {"bmm", {"bmm", "matmul"}},
      {"constant_pad_nd", {"pad"}},
      {"div", {"__truediv__", "__div__", "__idiv__", "div"}},
      {"eq", {"__eq__", "eq"}},
      {"floor_divide", {"__floordiv__", "floor_divide"}},
      {"ge", {"__ge__", "ge"}},
      {"gt", {"__gt__", "gt"}},
      {"hardtanh", {"hardtanh", "relu6"}},
      {"index", {"__getitem__"}},
      {"le", {"__le__", "le"}},
      {"lt", {"__lt__", "lt"}},
      {"matmul", {"matmul", "__matmul__"}},
      {"mul", {"__mul__", "__imul__", "__rmul__", "mul"}},
      {"ne", {"__ne__", "ne"}},
      {"pow", {"__pow__", "pow"}},
      {"prelu", {"prelu", "PRELU"}},
      {"relu", {"relu", "RELU"}},
      {"rsub", {"__rsub__", "rsub"}},
      {"select", {"__getitem__", "select"}},
      {"slice", {"__getitem__"}},
      {"sub", {"__sub__", "__isub__", "sub"}},
      {"upsample_bicubic2d", {"interpolate"}},
      {"upsample_bilinear2d", {"interpolate"}},
      {"upsample_linear1d", {"interpolate"}},
      {"upsample_nearest1d", {"interpolate"}},
      {"upsample_nearest2d", {"interpolate"}},
      {"upsample_nearest3d", {"interpolate"}},
      {"upsample_trilinear3d", {"interpolate"}},
  };
  if (const auto found = aliases->find(op); found != aliases->end()) return found->second;
  // The one operator in which traces write every convolution: its module's class says which function was called.
  if (op == "_convolution" || op == "convolution") {
    const std::string& module_class = classes.back();
    if (absl::StartsWith(module_class, "ConvTranspose")) return {"conv_transpose" + module_class.substr(13)};
    if (absl::StartsWith(module_class, "Conv")) return {"conv" + module_class.substr(4)};
  }
  return {op};
}

// Operators that Python also has in place, under a name with "_" at its end, and that import makes plain.
bool has_in_place_form(const std::string& op) {
  static const auto* ops = new std::set<std::string>{
      "add",       "celu",     "clamp",       "clamp_max",  "clamp_min", "div", "dropout", "elu",   "feature_dropout",
      "hardswish", "hardtanh", "hardsigmoid", "leaky_relu", "mish",      "mul", "relu",    "rrelu", "selu",
      "sigmoid",   "silu",     "sub",         "tanh",       "threshold",
  };
  return ops->count(op) != 0;
}

// Which call of its operator within its module a node is: the number at the end of its name, 0 for none.
std::string call_number(const graph::Node& node) {
  const std::string& name = node.name();
  const size_t digits = name.find_last_not_of("0123456789") + 1;
  const bool numbered = digits < name.size() && digits > 0 && name[digits - 1] == '_';
  if (!numbered) return "0";
  // "aten::conv_transpose2d" ends in no number of ours, and "aten::max_pool2d_1" does: the operator's own name decides.
  return absl::EndsWith(name.substr(0, digits - 1), node.op()) ? name.substr(digits) : "0";
}

// "ResNet/Sequential[layer1]/BasicBlock[0]/NNCFConv2d[conv1]" and the same without "NNCF"; empty if a class is unknown.
std::vector<std::string> nncf_module_paths(const graph::Node& node) {
  std::vector<std::string> attributes;
  if (!node.scope().empty()) attributes = absl::StrSplit(node.scope(), '.');
  const std::vector<std::string>& classes = node.scope_types();
  if (classes.size() != attributes.size() + 1) return {};
  std::string path = classes[0];
  for (size_t i = 0; i + 1 < attributes.size(); ++i)
    absl::StrAppend(&path, "/", classes[i + 1], "[", attributes[i], "]");
  if (attributes.empty()) return {path};
  const std::string leaf = absl::StrCat(classes.back(), "[", attributes.back(), "]");
  std::vector<std::string> paths;
  if (is_wrapped_by_nncf(classes.back())) paths.push_back(absl::StrCat(path, "/NNCF", leaf));
  paths.push_back(absl::StrCat(path, "/", leaf));
  return paths;
}

std::vector<std::string> nncf_names(const graph::Node& node) {
  const std::vector<std::string> paths = nncf_module_paths(node);
  if (paths.empty()) return {};
  const size_t colons = node.op().rfind(':');
  const std::string op = colons == std::string::npos ? node.op() : node.op().substr(colons + 1);
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    std::vector<std::string> of_operator = nncf_operator_names(op, node.scope_types());
    if (has_in_place_form(op)) of_operator.push_back(op + "_");
    for (const std::string& name : of_operator) {
      names.push_back(absl::StrCat(path, "/", name, "_", call_number(node)));
    }
  }
  return names;
}

// Whether `name` lies below the path `scope`, which `separator` ends: a.b is below a, ab is not.
bool is_below(const std::string& name, const std::string& scope, char separator) {
  return name.size() > scope.size() && name[scope.size()] == separator && absl::StartsWith(name, scope);
}

}  // namespace

std::vector<std::string> scope_names(const graph::Node& node) {
  std::vector<std::string> names = {node.name()};
  if (!node.scope().empty()) names.push_back(node.scope());
  for (std::string& name : nncf_names(node)) names.push_back(std::move(name));
  return names;
}

std::vector<std::string> input_scope_names(const std::string& name, size_t index) {
  return {name, absl::StrCat("/nncf_model_input_", index)};
}

struct ScopeSet::Scope {
  std::string text;  // as it stands in the config
  std::string path;  // where it stands there
  std::optional<std::regex> pattern;

  bool matches_name(const std::string& name) const {
    return pattern.has_value() ? std::regex_search(name, *pattern) : name == text;
  }

  bool matches(const graph::Node& node, const std::vector<std::string>& names) const {
    for (const std::string& name : names) {
      if (matches_name(name)) return true;
    }
    if (pattern.has_value()) return false;
    if (is_below(node.scope(), text, '.')) return true;
    for (const std::string& name : names) {
      if (name != node.name() && name != node.scope() && is_below(name, text, '/')) return true;
    }
    return false;
  }
};

absl::StatusOr<ScopeSet> ScopeSet::create(const std::vector<std::string>& scopes, const std::string& path) {
  ScopeSet set;
  const absl::Status added = set.add(scopes, path);
  if (!added.ok()) return added;
  return set;
}

absl::Status ScopeSet::add(const std::vector<std::string>& scopes, const std::string& path) {
  std::vector<std::shared_ptr<const Scope>> added;
  for (const std::string& text : scopes) {
    const auto refuse = [&](const std::string& reason) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": the scope ", config::quote(text), " ", reason));
    };
    const bool is_pattern = absl::StartsWith(text, std::string(kRegexPrefix));
    if (text.size() == (is_pattern ? kRegexPrefix.size() : 0)) {
      return refuse("is empty; expected the name of an operator or module, or {re} and a regular expression");
    }
    if (text.size() > kMaxScopeLength) return refuse(absl::StrCat("is longer than ", kMaxScopeLength, " characters"));
    auto scope = std::make_shared<Scope>();
    scope->text = text;
    scope->path = path;
    if (is_pattern) {
      try {
        scope->pattern.emplace(text.substr(kRegexPrefix.size()), std::regex::ECMAScript | std::regex::optimize);
      } catch (const std::regex_error& error) {
        return refuse(absl::StrCat("is no valid regular expression: ", error.what()));
      }
    }
    added.push_back(std::move(scope));
  }
  scopes_.insert(scopes_.end(), added.begin(), added.end());
  return absl::OkStatus();
}

const std::string& ScopeSet::path() const {
  static const auto* none = new std::string();
  return scopes_.empty() ? *none : scopes_.front()->path;
}

bool ScopeSet::matches(const graph::Node& node) const {
  if (scopes_.empty()) return false;
  const std::vector<std::string> names = scope_names(node);
  return std::any_of(scopes_.begin(), scopes_.end(), [&](const auto& scope) { return scope->matches(node, names); });
}

bool ScopeSet::matches(const std::string& name) const {
  return std::any_of(scopes_.begin(), scopes_.end(), [&](const auto& scope) { return scope->matches_name(name); });
}

bool ScopeSet::matches_input(const std::string& name, size_t index) const {
  const std::vector<std::string> names = input_scope_names(name, index);
  return std::any_of(names.begin(), names.end(), [this](const std::string& one) { return matches(one); });
}

absl::Status ScopeSet::check_all_match(const graph::Graph& graph, const std::vector<std::string>& other_names) const {
  if (scopes_.empty()) return absl::OkStatus();
  std::vector<const graph::Node*> nodes;
  std::vector<std::vector<std::string>> names;
  for (const graph::Node* node : graph.nodes()) {
    nodes.push_back(node);
    names.push_back(scope_names(*node));
  }
  std::vector<std::string> others = other_names;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    for (std::string& name : input_scope_names(graph.inputs()[i]->name(), i)) others.push_back(std::move(name));
  }
  for (const auto& scope : scopes_) {
    bool found = std::any_of(others.begin(), others.end(),
                             [&scope = scope](const std::string& name) { return scope->matches_name(name); });
    for (size_t i = 0; i < nodes.size() && !found; ++i) found = scope->matches(*nodes[i], names[i]);
    if (found) continue;
    std::string hint = "; `pare inspect` lists the names";
    if (!scope->pattern.has_value()) {
      std::set<std::string> candidates(others.begin(), others.end());
      for (const std::vector<std::string>& of_node : names) candidates.insert(of_node.begin(), of_node.end());
      const std::vector<std::string> nearest =
          config::nearest_names(scope->text, {candidates.begin(), candidates.end()},
                                std::max<size_t>(2, std::min(scope->text.size(), config::kMaxComparedLength) / 2), 3);
      if (!nearest.empty()) hint = absl::StrCat("; the nearest names are ", absl::StrJoin(nearest, ", "));
    }
    return absl::InvalidArgumentError(absl::StrCat(scope->path, ": the scope ", config::quote(scope->text),
                                                   " matches nothing in the model", hint,
                                                   " (\"validate_scopes\": false lets it pass)"));
  }
  return absl::OkStatus();
}

bool is_in_scope(const graph::Node& node, const ScopeSet& target, const ScopeSet& ignored) {
  return (target.empty() || target.matches(node)) && !ignored.matches(node);
}

}  // namespace pare
