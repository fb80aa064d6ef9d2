// export/onnx/op_registry.h: how each operator is written to ONNX, by its name.
//
//   void export_my_op(OpExport& op) { op.set_output(op.emit("Tanh", {op.tensor("self")})); }
//   [[maybe_unused]] const bool kRegistered = register_op_exporter("my_lib::op", export_my_op);
//
// One exporter serves all overloads of an operator, and its in-place form ("aten::relu" also "aten::relu_"). Those of
// ATen's operators stand in ops_*.cc and are there from the start.

#ifndef PARE_EXPORT_ONNX_OP_REGISTRY_H_
#define PARE_EXPORT_ONNX_OP_REGISTRY_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "export/onnx/op_export.h"

namespace pare::exporters {

using OpExporter = std::function<void(OpExport&)>;

// A name that is taken gets the new exporter, so that a user's wins over ours. Returns true. Thread-safe.
bool register_op_exporter(const std::string& op, OpExporter exporter);

// nullopt if there is none. Thread-safe.
std::optional<OpExporter> find_op_exporter(const std::string& op);

// In alphabetical order.
std::vector<std::string> exportable_ops();

}  // namespace pare::exporters

#endif  // PARE_EXPORT_ONNX_OP_REGISTRY_H_
