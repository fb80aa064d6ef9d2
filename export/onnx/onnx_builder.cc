#include "export/onnx/onnx_builder.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <cctype>
#include <cstring>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::exporters {
namespace {

std::string_view bytes_of(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.data_ptr()), static_cast<size_t>(tensor.nbytes())};
}

bool is_identical(const at::Tensor& a, const at::Tensor& b) {
  // Bytes, not numbers: -0 is not 0 and NaN is NaN.
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && bytes_of(a) == bytes_of(b);
}

std::string to_key(const Attribute& attribute) {
  struct Printer {
    std::string operator()(int64_t value) const { return absl::StrCat("i", value); }
    std::string operator()(double value) const {
      uint64_t bits;
      std::memcpy(&bits, &value, sizeof(bits));
      return absl::StrCat("f", bits);
    }
    std::string operator()(const std::string& value) const { return absl::StrCat("s", value); }
    std::string operator()(const std::vector<int64_t>& value) const {
      return absl::StrCat("l", absl::StrJoin(value, ","));
    }
    std::string operator()(const std::vector<std::string>& value) const {
      return absl::StrCat("t", absl::StrJoin(value, ","));
    }
  };
  return std::visit(Printer(), attribute);
}

std::string sanitize(const std::string& name) {
  std::string result;
  for (char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' || c == '-';
    result += plain ? c : '_';
  }
  return result;
}

}  // namespace

std::string OnnxBuilder::make_unique(const std::string& wish, std::map<std::string, int>* taken) {
  const std::string base = sanitize(wish);
  while (true) {
    const int count = (*taken)[base]++;
    if (count == 0 && !base.empty()) return base;
    std::string name = absl::StrCat(base, "_", count);
    if (taken->emplace(name, 1).second) return name;
  }
}

std::string OnnxBuilder::add_input(const std::string& name, const TensorInfo& info) {
  inputs_.push_back({unique_name(name), info});
  return inputs_.back().name;
}

void OnnxBuilder::add_output(const std::string& name, const std::string& value, const TensorInfo& info) {
  const std::string own = unique_name(name);
  nodes_.push_back({"Identity", "", {value}, {own}, {}});
  producers_[own] = nodes_.size() - 1;
  outputs_.push_back({own, info});
}

std::string OnnxBuilder::add_node(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
  return add_node_with_outputs(op, std::move(inputs), 1, std::move(attributes))[0];
}

std::vector<std::string> OnnxBuilder::add_node_with_outputs(const std::string& op, std::vector<std::string> inputs,
                                                            size_t num_outputs, Attributes attributes) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  std::string key = absl::StrCat(op, "(", absl::StrJoin(inputs, "\n"), ")", num_outputs);
  for (const auto& [name, attribute] : attributes) absl::StrAppend(&key, "\n", name, "=", to_key(attribute));
  auto [known, is_new] = known_nodes_.try_emplace(std::move(key));
  if (!is_new) return known->second;
  std::vector<std::string>& outputs = known->second;
  for (size_t i = 0; i < num_outputs; ++i) outputs.push_back(unique_name(absl::StrCat("v", num_values_++)));
  for (const std::string& output : outputs) producers_[output] = nodes_.size();
  nodes_.push_back({op, "", std::move(inputs), outputs, std::move(attributes)});
  return outputs;
}

std::string OnnxBuilder::add_initializer(const at::Tensor& tensor, const std::string& name) {
  at::Tensor stored = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg();
  const size_t hash = std::hash<std::string_view>()(bytes_of(stored)) ^ static_cast<size_t>(stored.numel());
  const auto [begin, end] = initializer_hashes_.equal_range(hash);
  for (auto same = begin; same != end; ++same) {
    if (is_identical(initializers_.at(same->second), stored)) return same->second;
  }
  const std::string own = unique_name(name.empty() ? absl::StrCat("c", initializers_.size()) : name);
  initializers_.emplace(own, stored);
  initializer_hashes_.emplace(hash, own);
  return own;
}

std::string OnnxBuilder::add_ints(const std::vector<int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, c10::ScalarType::Long);
  std::copy(values.begin(), values.end(), tensor.data_ptr<int64_t>());
  return add_initializer(tensor);
}

std::string OnnxBuilder::add_scalar(double value, c10::ScalarType dtype) {
  return add_initializer(at::full({}, value, dtype));
}

const at::Tensor* OnnxBuilder::find_initializer(const std::string& name) const {
  const auto found = initializers_.find(name);
  return found == initializers_.end() ? nullptr : &found->second;
}

const OnnxNode* OnnxBuilder::find_producer(const std::string& name) const {
  const auto found = producers_.find(name);
  return found == producers_.end() ? nullptr : &nodes_[found->second];
}

void OnnxBuilder::name_last_node(const std::string& name) {
  if (!nodes_.empty() && nodes_.back().name.empty()) nodes_.back().name = make_unique(name, &node_names_);
}

void OnnxBuilder::finish() {
  // An output's Identity gives its name to the node that computes it, where that node computes no other output.
  std::map<std::string, std::string> renamed;
  std::set<std::string> fixed;
  for (const OnnxValue& input : inputs_) fixed.insert(input.name);
  for (OnnxNode& node : nodes_) {
    const bool names_output = node.op == "Identity" && fixed.count(node.inputs[0]) == 0 &&
                              producers_.count(node.inputs[0]) > 0 && renamed.count(node.inputs[0]) == 0;
    if (!names_output) continue;
    renamed[node.inputs[0]] = node.outputs[0];
    node.op.clear();
  }
  std::set<std::string> needed;
  for (const OnnxValue& output : outputs_) needed.insert(output.name);
  std::vector<OnnxNode> kept;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (node->op.empty()) continue;
    for (auto* names : {&node->inputs, &node->outputs}) {
      for (std::string& name : *names) {
        if (const auto found = renamed.find(name); found != renamed.end()) name = found->second;
      }
    }
    bool is_needed = false;
    for (const std::string& output : node->outputs) is_needed = is_needed || needed.count(output) > 0;
    if (!is_needed) continue;
    for (const std::string& input : node->inputs) needed.insert(input);
    kept.push_back(std::move(*node));
  }
  nodes_.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
  producers_.clear();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    for (const std::string& output : nodes_[i].outputs) producers_[output] = i;
  }
  known_nodes_.clear();
}

std::vector<std::pair<std::string, at::Tensor>> OnnxBuilder::initializers() const {
  std::vector<std::pair<std::string, at::Tensor>> result;
  std::set<std::string> seen;
  for (const OnnxNode& node : nodes_) {
    for (const std::string& input : node.inputs) {
      const auto found = initializers_.find(input);
      if (found != initializers_.end() && seen.insert(input).second) result.emplace_back(input, found->second);
    }
  }
  return result;
}

}  // namespace pare::exporters
