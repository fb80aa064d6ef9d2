#include "export/onnx/op_registry.h"

#include <map>
#include <mutex>
#include <utility>

#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

struct Registry {
  std::mutex mutex;
  OpTable table;  // guarded by mutex
};

Registry& registry() {
  // Ours are called here and do not register themselves: the linker can lose none of them, and a user's registration,
  // whenever it runs, finds them already there.
  static Registry* instance = [] {
    auto* made = new Registry;
    const std::lock_guard<std::mutex> lock(made->mutex);
    for (auto add : {add_activation_ops, add_elementwise_ops, add_comparison_ops, add_convolution_ops, add_pooling_ops,
                     add_normalization_ops, add_shape_ops, add_slicing_ops, add_indexing_ops, add_padding_ops,
                     add_resize_ops, add_creation_ops, add_reduction_ops, add_matmul_ops, add_attention_ops,
                     add_recurrent_ops, add_quantization_ops}) {
      add(&made->table);
    }
    return made;
  }();
  return *instance;
}

}  // namespace

bool register_op_exporter(const std::string& op, OpExporter exporter) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.table[op] = std::move(exporter);
  return true;
}

std::optional<OpExporter> find_op_exporter(const std::string& op) {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.table.find(op);
  if (found == all.table.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> exportable_ops() {
  Registry& all = registry();
  const std::lock_guard<std::mutex> lock(all.mutex);
  std::vector<std::string> names;
  for (const auto& [name, exporter] : all.table) names.push_back(name);
  return names;
}

}  // namespace pare::exporters
