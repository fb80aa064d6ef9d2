// LSTM and GRU. LibTorch orders an LSTM's gates (input, forget, cell, output) and a GRU's (reset, update, new); ONNX
// (input, output, forget, cell) and (update, reset, new).

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

at::Tensor reorder(const at::Tensor& gates, const std::vector<int64_t>& order) {
  const std::vector<at::Tensor> parts = gates.chunk(static_cast<int64_t>(order.size()), 0);
  std::vector<at::Tensor> ordered;
  for (int64_t index : order) ordered.push_back(parts.at(index));
  return at::cat(ordered, 0);
}

struct Cell {
  std::string onnx_op;
  std::vector<int64_t> order;
  bool has_state = false;  // an LSTM's second state
};

void recurrent(OpExport& op, const Cell& cell) {
  if (op.node().overload() != "input") op.fail("packed sequences cannot be exported");
  const bool batch_first = op.boolean("batch_first"), has_biases = op.boolean("has_biases");
  if (op.boolean("train") && op.number("dropout", 0) != 0) op.fail("it drops values at random even in evaluation mode");
  if (op.info("input").rank() != 3) op.fail("its input has no batch axis");
  const int64_t layers = op.integer("num_layers"), directions = op.boolean("bidirectional") ? 2 : 1;
  std::vector<at::Tensor> parameters;
  for (const std::string& name : op.tensors("params")) {
    const at::Tensor* tensor = op.find_initializer(name);
    if (tensor == nullptr) op.fail("its weights are not constants");
    parameters.push_back(*tensor);
  }
  const size_t each = has_biases ? 4 : 2;
  if (parameters.size() != each * static_cast<size_t>(layers * directions)) op.fail("projections cannot be exported");
  const std::vector<std::string> states = cell.has_state ? op.tensors("hx") : std::vector<std::string>{op.tensor("hx")};
  std::string x = op.tensor("input");
  if (batch_first) x = op.transpose(x, {1, 0, 2});
  std::vector<Dim> dims = op.info("input").dims;
  if (batch_first) std::swap(dims[0], dims[1]);
  const int64_t hidden = parameters[1].size(1);
  std::vector<std::vector<std::string>> last(states.size());
  for (int64_t layer = 0; layer < layers; ++layer) {
    std::vector<at::Tensor> w, r, b;
    for (int64_t direction = 0; direction < directions; ++direction) {
      const size_t at = each * static_cast<size_t>(layer * directions + direction);
      w.push_back(reorder(parameters[at], cell.order));
      r.push_back(reorder(parameters[at + 1], cell.order));
      if (has_biases)
        b.push_back(at::cat({reorder(parameters[at + 2], cell.order), reorder(parameters[at + 3], cell.order)}));
    }
    std::vector<std::string> inputs = {x, op.constant(at::stack(w)), op.constant(at::stack(r)),
                                       has_biases ? op.constant(at::stack(b)) : "", ""};
    for (const std::string& state : states) {
      inputs.push_back(layers == 1 ? state : op.slice(state, 0, layer * directions, (layer + 1) * directions));
    }
    Attributes attributes = {{"hidden_size", hidden},
                             {"direction", std::string(directions == 2 ? "bidirectional" : "forward")}};
    if (!cell.has_state) attributes.emplace_back("linear_before_reset", int64_t{1});
    const auto outputs = op.emit(cell.onnx_op, inputs, 1 + states.size(), attributes);
    for (size_t i = 0; i < states.size(); ++i) last[i].push_back(outputs[1 + i]);
    // [length, directions, batch, hidden] -> [length, batch, directions hidden]
    const Dim d{directions, directions}, h{hidden, hidden}, both{directions * hidden, directions * hidden};
    x = directions == 1
            ? op.squeeze(outputs[0], {1})
            : op.reshape(op.transpose(outputs[0], {0, 2, 1, 3}), {dims[0], dims[1], d, h}, {dims[0], dims[1], both});
  }
  op.set_output(batch_first ? op.transpose(x, {1, 0, 2}) : x, 0);
  for (size_t i = 0; i < states.size(); ++i) {
    op.set_output(layers == 1 ? last[i][0] : op.emit("Concat", last[i], {{"axis", int64_t{0}}}), 1 + i);
  }
}

void lstm(OpExport& op) { recurrent(op, {"LSTM", {0, 3, 1, 2}, true}); }
void gru(OpExport& op) { recurrent(op, {"GRU", {1, 0, 2}, false}); }

}  // namespace

void add_recurrent_ops(OpTable* table) {
  (*table)["aten::lstm"] = lstm;
  (*table)["aten::gru"] = gru;
}

}  // namespace pare::exporters
