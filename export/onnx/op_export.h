// export/onnx/op_export.h: what the exporter of one operator works with: its arguments, and the ONNX graph it writes
// to.
//
//   void export_leaky_relu(OpExport& op) {
//     op.set_output(op.emit("LeakyRelu", {op.tensor("self")}, {{"alpha", op.number("negative_slope")}}));
//   }
//
// Arguments are asked for by their names in LibTorch's schema. Tensors are names of ONNX values; numbers are known at
// export: one that depends on the inputs, or on the batch size where it must not, is refused. Like LibTorch's own
// operators, all methods may throw: an ExportError, or what LibTorch throws. The export of the graph turns it into a
// status that names the node, and gives it up only if an output of the model needs the node.

#ifndef PARE_EXPORT_ONNX_OP_EXPORT_H_
#define PARE_EXPORT_ONNX_OP_EXPORT_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "export/onnx/graph_trace.h"
#include "export/onnx/onnx_builder.h"
#include "graph/graph.h"

namespace pare::exporters {

class GraphToOnnx;

class ExportError : public std::runtime_error {
 public:
  explicit ExportError(absl::Status status) : std::runtime_error(status.ToString()), status_(std::move(status)) {}
  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

class OpExport {
 public:
  OpExport(GraphToOnnx& exporter, const graph::Node& node) : exporter_(exporter), node_(node) {}

  const graph::Node& node() const { return node_; }

  // ---- Arguments
  bool has(std::string_view argument) const;  // the schema has it, and it is not None
  std::string tensor(std::string_view argument);
  std::string tensor_or_empty(std::string_view argument);       // "" for None
  std::vector<std::string> tensors(std::string_view argument);  // of a list; "" for its Nones
  const TensorInfo& info(std::string_view argument) const;
  std::vector<TensorInfo> infos(std::string_view argument) const;  // without its Nones
  bool is_tensor(std::string_view argument) const;

  int64_t integer(std::string_view argument) const;
  int64_t integer(std::string_view argument, int64_t if_none) const;
  double number(std::string_view argument) const;
  double number(std::string_view argument, double if_none) const;
  bool boolean(std::string_view argument, bool if_none = false) const;
  std::string text(std::string_view argument, std::string_view if_none = "") const;
  // Also of a single integer. With a length: exactly so many, one being repeated; none being `if_empty`.
  std::vector<int64_t> integers(std::string_view argument) const;
  std::vector<int64_t> integers(std::string_view argument, size_t length,
                                const std::vector<int64_t>& if_empty = {}) const;
  std::vector<double> numbers(std::string_view argument) const;
  // An axis of a tensor of this rank, counted from 0.
  int64_t axis(std::string_view argument, int64_t rank) const;
  // Axes, sorted; none or None: all.
  std::vector<int64_t> axes(std::string_view argument, int64_t rank) const;
  // An integer, or the elements of a list of them, at both batch sizes.
  Dim dim(std::string_view argument, Dim if_none = {}) const;
  // nullptr unless the argument is a tensor that is known at export.
  std::optional<at::Tensor> constant_tensor(std::string_view argument) const;
  // The constant behind a name.
  const at::Tensor* find_initializer(const std::string& name) const;

  // ---- Results
  const TensorInfo& output(size_t index = 0) const;
  std::vector<TensorInfo> outputs_of_list() const;  // of an operator that returns a list
  bool is_used(size_t index) const;
  void set_output(const std::string& name, size_t index = 0);
  void set_output_list(const std::vector<std::string>& names);

  // ---- Making nodes and constants
  std::string emit(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
  std::vector<std::string> emit(const std::string& op, std::vector<std::string> inputs, size_t num_outputs,
                                Attributes attributes);
  std::string constant(const at::Tensor& tensor);
  std::string ints(const std::vector<int64_t>& values);
  std::string scalar(double value, c10::ScalarType dtype = c10::ScalarType::Float);
  std::string cast(const std::string& name, c10::ScalarType from, c10::ScalarType to);
  // A tensor or number argument as a tensor of this dtype.
  std::string operand(std::string_view argument, c10::ScalarType dtype);
  // An int64 vector of sizes, computed from the batch size where they depend on it.
  std::string sizes(const std::vector<Dim>& dims);
  std::string reshape(const std::string& name, const std::vector<Dim>& from, const std::vector<Dim>& to);
  std::string transpose(const std::string& name, const std::vector<int64_t>& permutation);
  // [start, end) along an axis; end may be past the end of it.
  std::string slice(const std::string& name, int64_t axis, int64_t start, int64_t end, int64_t step = 1);
  std::string squeeze(const std::string& name, const std::vector<int64_t>& axes);
  std::string unsqueeze(const std::string& name, const std::vector<int64_t>& axes);

  OnnxBuilder& builder();

  [[noreturn]] void fail(const std::string& reason) const;  // Unimplemented

 private:
  const graph::Value* value(std::string_view argument) const;
  const graph::Value* present(std::string_view argument) const;
  c10::IValue known(std::string_view argument) const;  // the same at both batch sizes

  GraphToOnnx& exporter_;
  const graph::Node& node_;
};

inline constexpr int64_t kToTheEnd = INT64_MAX;

// What an axis or index counted from the end is from the start.
int64_t from_start(int64_t index, int64_t size);

// 0, 1, ..., n - 1.
std::vector<int64_t> iota(int64_t n);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_OP_EXPORT_H_
