#include "export/onnx/op_export.h"

#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "export/onnx/graph_to_onnx.h"
#include "export/onnx/onnx_proto.h"

namespace pare::exporters {

int64_t from_start(int64_t index, int64_t size) { return index < 0 ? index + size : index; }

std::vector<int64_t> iota(int64_t n) {
  std::vector<int64_t> result(static_cast<size_t>(n));
  std::iota(result.begin(), result.end(), 0);
  return result;
}

OnnxBuilder& OpExport::builder() { return exporter_.builder(); }

void OpExport::fail(const std::string& reason) const { throw ExportError(absl::UnimplementedError(reason)); }

// ---- Arguments -----------------------------------------------------------------------------------------------------

const graph::Value* OpExport::value(std::string_view argument) const { return node_.argument(argument); }

const graph::Value* OpExport::present(std::string_view argument) const {
  const graph::Value* found = value(argument);
  if (found == nullptr) fail(absl::StrCat("it has no argument ", std::string(argument)));
  return found;
}

bool OpExport::has(std::string_view argument) const {
  const graph::Value* found = value(argument);
  if (found == nullptr || found->is_none()) return false;
  const ValueInfo& info = exporter_.trace().info(found);
  return info.depends_on == DependsOn::kInputs || !info.first.isNone();
}

std::string OpExport::tensor(std::string_view argument) { return exporter_.name_of(present(argument)); }

std::string OpExport::tensor_or_empty(std::string_view argument) { return has(argument) ? tensor(argument) : ""; }

std::vector<std::string> OpExport::tensors(std::string_view argument) {
  return exporter_.names_of_list(present(argument));
}

const TensorInfo& OpExport::info(std::string_view argument) const {
  const auto& tensors = exporter_.trace().info(present(argument)).tensors;
  if (tensors.size() != 1) fail(absl::StrCat("its argument ", std::string(argument), " is not a tensor"));
  return tensors[0];
}

std::vector<TensorInfo> OpExport::infos(std::string_view argument) const {
  return exporter_.trace().info(present(argument)).tensors;
}

bool OpExport::is_tensor(std::string_view argument) const {
  const graph::Value* found = value(argument);
  if (found == nullptr) return false;
  const ValueInfo& info = exporter_.trace().info(found);
  return info.depends_on == DependsOn::kInputs ? info.tensors.size() == 1 : info.first.isTensor();
}

c10::IValue OpExport::known(std::string_view argument) const {
  const ValueInfo& info = exporter_.trace().info(present(argument));
  if (info.depends_on == DependsOn::kInputs) {
    fail(absl::StrCat("its argument ", std::string(argument), " depends on the model's input"));
  }
  if (info.depends_on == DependsOn::kBatchSize) {
    fail(absl::StrCat("its argument ", std::string(argument), " depends on the batch size"));
  }
  return info.first;
}

namespace {

int64_t to_integer(const c10::IValue& value) {
  if (value.isInt()) return value.toInt();
  if (value.isBool()) return value.toBool() ? 1 : 0;
  if (value.isTensor()) return value.toTensor().item<int64_t>();
  throw ExportError(absl::UnimplementedError(absl::StrCat("an argument is a ", value.tagKind(), ", not an integer")));
}

double to_number(const c10::IValue& value) {
  if (value.isDouble()) return value.toDouble();
  if (value.isTensor()) return value.toTensor().item<double>();
  return static_cast<double>(to_integer(value));
}

}  // namespace

int64_t OpExport::integer(std::string_view argument) const { return to_integer(known(argument)); }

int64_t OpExport::integer(std::string_view argument, int64_t if_none) const {
  return has(argument) ? integer(argument) : if_none;
}

double OpExport::number(std::string_view argument) const { return to_number(known(argument)); }

double OpExport::number(std::string_view argument, double if_none) const {
  return has(argument) ? number(argument) : if_none;
}

bool OpExport::boolean(std::string_view argument, bool if_none) const {
  return has(argument) ? to_integer(known(argument)) != 0 : if_none;
}

std::string OpExport::text(std::string_view argument, std::string_view if_none) const {
  if (!has(argument)) return std::string(if_none);
  const c10::IValue found = known(argument);
  if (!found.isString()) fail(absl::StrCat("its argument ", std::string(argument), " is not a string"));
  return found.toStringRef();
}

std::vector<int64_t> OpExport::integers(std::string_view argument) const {
  if (!has(argument)) return {};
  const c10::IValue found = known(argument);
  if (!found.isList()) return {to_integer(found)};
  std::vector<int64_t> result;
  for (const c10::IValue& element : found.toListRef()) result.push_back(to_integer(element));
  return result;
}

std::vector<int64_t> OpExport::integers(std::string_view argument, size_t length,
                                        const std::vector<int64_t>& if_empty) const {
  std::vector<int64_t> result = integers(argument);
  if (result.empty()) result = if_empty;
  if (result.size() == 1) result.resize(length, result[0]);
  if (result.size() != length) {
    fail(absl::StrCat("its argument ", std::string(argument), " holds ", result.size(), " numbers, not ", length));
  }
  return result;
}

std::vector<double> OpExport::numbers(std::string_view argument) const {
  if (!has(argument)) return {};
  const c10::IValue found = known(argument);
  if (!found.isList()) return {to_number(found)};
  std::vector<double> result;
  for (const c10::IValue& element : found.toListRef()) result.push_back(to_number(element));
  return result;
}

int64_t OpExport::axis(std::string_view argument, int64_t rank) const { return from_start(integer(argument), rank); }

std::vector<int64_t> OpExport::axes(std::string_view argument, int64_t rank) const {
  std::vector<int64_t> result = integers(argument);
  if (result.empty()) return iota(rank);
  for (int64_t& each : result) each = from_start(each, rank);
  std::sort(result.begin(), result.end());
  return result;
}

Dim OpExport::dim(std::string_view argument, Dim if_none) const {
  if (!has(argument)) return if_none;
  const ValueInfo& info = exporter_.trace().info(present(argument));
  if (info.depends_on == DependsOn::kInputs) {
    fail(absl::StrCat("its argument ", std::string(argument), " depends on the model's input"));
  }
  return {to_integer(info.first), to_integer(info.second)};
}

std::optional<at::Tensor> OpExport::constant_tensor(std::string_view argument) const {
  const graph::Value* found = value(argument);
  if (found == nullptr) return std::nullopt;
  const ValueInfo& info = exporter_.trace().info(found);
  if (info.depends_on != DependsOn::kNothing || !info.first.isTensor()) return std::nullopt;
  return info.first.toTensor();
}

const at::Tensor* OpExport::find_initializer(const std::string& name) const {
  return exporter_.builder().find_initializer(name);
}

// ---- Results -------------------------------------------------------------------------------------------------------

const TensorInfo& OpExport::output(size_t index) const {
  const auto& tensors = exporter_.trace().info(node_.output(index)).tensors;
  if (tensors.size() != 1) fail(absl::StrCat("its output ", index, " is not a tensor"));
  return tensors[0];
}

std::vector<TensorInfo> OpExport::outputs_of_list() const { return exporter_.trace().info(node_.output()).tensors; }

bool OpExport::is_used(size_t index) const { return !node_.output(index)->uses().empty(); }

void OpExport::set_output(const std::string& name, size_t index) { exporter_.bind(node_.output(index), name); }

void OpExport::set_output_list(const std::vector<std::string>& names) { exporter_.bind_list(node_.output(), names); }

// ---- Making nodes and constants ------------------------------------------------------------------------------------

std::string OpExport::emit(const std::string& op, std::vector<std::string> inputs, Attributes attributes) {
  return builder().add_node(op, std::move(inputs), std::move(attributes));
}

std::vector<std::string> OpExport::emit(const std::string& op, std::vector<std::string> inputs, size_t num_outputs,
                                        Attributes attributes) {
  return builder().add_node_with_outputs(op, std::move(inputs), num_outputs, std::move(attributes));
}

std::string OpExport::constant(const at::Tensor& tensor) { return builder().add_initializer(tensor); }

std::string OpExport::ints(const std::vector<int64_t>& values) { return builder().add_ints(values); }

std::string OpExport::scalar(double value, c10::ScalarType dtype) { return builder().add_scalar(value, dtype); }

std::string OpExport::cast(const std::string& name, c10::ScalarType from, c10::ScalarType to) {
  if (from == to) return name;
  if (const at::Tensor* known = find_initializer(name)) return constant(known->to(to));
  const int dtype = onnx_dtype(to);
  if (dtype == 0) fail(absl::StrCat("ONNX has no dtype ", c10::toString(to)));
  return emit("Cast", {name}, {{"to", int64_t{dtype}}});
}

std::string OpExport::operand(std::string_view argument, c10::ScalarType dtype) {
  if (is_tensor(argument)) return cast(tensor(argument), info(argument).dtype, dtype);
  const ValueInfo& number = exporter_.trace().info(present(argument));
  if (number.depends_on == DependsOn::kBatchSize) {
    const std::string size = exporter_.name_of_dim(dim(argument));
    return cast(squeeze(size, {0}), c10::ScalarType::Long, dtype);
  }
  const c10::IValue found = known(argument);
  if (found.isInt() && dtype == c10::ScalarType::Long) return constant(at::scalar_tensor(found.toInt(), dtype));
  return scalar(to_number(found), dtype);
}

std::string OpExport::sizes(const std::vector<Dim>& dims) {
  std::vector<std::string> parts;
  std::vector<int64_t> fixed;
  const auto flush = [&] {
    if (!fixed.empty()) parts.push_back(ints(fixed));
    fixed.clear();
  };
  for (const Dim& dim : dims) {
    if (dim.is_fixed()) {
      fixed.push_back(dim.first);
    } else {
      flush();
      parts.push_back(exporter_.name_of_dim(dim));
    }
  }
  flush();
  if (parts.empty()) return ints({});
  return parts.size() == 1 ? parts[0] : emit("Concat", parts, {{"axis", int64_t{0}}});
}

std::string OpExport::reshape(const std::string& name, const std::vector<Dim>& from, const std::vector<Dim>& to) {
  if (from == to) return name;
  if (const at::Tensor* known = find_initializer(name)) {
    std::vector<int64_t> shape;
    for (const Dim& dim : to) shape.push_back(dim.first);
    return constant(known->reshape(shape));
  }
  std::vector<int64_t> shape;
  int num_unknown = 0;
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i].is_fixed()) {
      shape.push_back(to[i].first);
    } else if (i < from.size() && from[i] == to[i]) {
      shape.push_back(0);  // as it is
    } else {
      shape.push_back(-1);
      ++num_unknown;
    }
  }
  const bool keeps_batch = shape.size() == 2 && shape[0] == 0;
  if (keeps_batch && num_unknown == 0) return emit("Flatten", {name}, {{"axis", int64_t{1}}});
  if (num_unknown > 1) return emit("Reshape", {name, sizes(to)});
  return emit("Reshape", {name, ints(shape)});
}

std::string OpExport::transpose(const std::string& name, const std::vector<int64_t>& permutation) {
  if (permutation == iota(static_cast<int64_t>(permutation.size()))) return name;
  if (const at::Tensor* known = find_initializer(name)) return constant(known->permute(permutation));
  return emit("Transpose", {name}, {{"perm", permutation}});
}

std::string OpExport::slice(const std::string& name, int64_t axis, int64_t start, int64_t end, int64_t step) {
  std::vector<std::string> inputs = {name, ints({start}), ints({end}), ints({axis})};
  if (step != 1) inputs.push_back(ints({step}));
  return emit("Slice", inputs);
}

std::string OpExport::squeeze(const std::string& name, const std::vector<int64_t>& axes) {
  return axes.empty() ? name : emit("Squeeze", {name, ints(axes)});
}

std::string OpExport::unsqueeze(const std::string& name, const std::vector<int64_t>& axes) {
  return axes.empty() ? name : emit("Unsqueeze", {name, ints(axes)});
}

}  // namespace pare::exporters
