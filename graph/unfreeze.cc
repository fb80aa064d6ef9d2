#include "graph/unfreeze.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/clone.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::graph {

namespace {

bool is_layer(const Node& node) {
  static const std::set<std::string_view> kLayers = {"aten::conv1d",
                                                     "aten::conv2d",
                                                     "aten::conv3d",
                                                     "aten::conv_transpose1d",
                                                     "aten::conv_transpose2d",
                                                     "aten::conv_transpose3d",
                                                     "aten::_convolution",
                                                     "aten::linear",
                                                     "aten::batch_norm",
                                                     "aten::layer_norm",
                                                     "aten::instance_norm",
                                                     "aten::group_norm",
                                                     "aten::embedding",
                                                     "aten::prelu",
                                                     "aten::addmm"};
  return kLayers.count(node.op()) > 0;
}

bool is_weight(const Value* value) {
  return value->is_constant() && value->constant().isTensor() && value->constant().toTensor().defined() &&
         value->constant().toTensor().is_floating_point() && value->constant().toTensor().dim() > 0;
}

class Unfreezing {
 public:
  explicit Unfreezing(Graph& graph) : graph_(graph) {}

  absl::Status run() {
    for (Node* node : graph_.nodes()) {
      if (!is_layer(*node)) continue;
      const std::string layer = name_of(*node);
      if (node->op() == "aten::addmm") {
        PARE_RETURN_IF_ERROR(replace(node, "self", layer, "bias", true));
        PARE_RETURN_IF_ERROR(replace(node, "mat2", layer, "weight", true));
        continue;
      }
      for (const char* argument : {"weight", "bias"}) {
        PARE_RETURN_IF_ERROR(replace(node, argument, layer, argument, true));
      }
      for (const char* argument : {"running_mean", "running_var"}) {
        PARE_RETURN_IF_ERROR(replace(node, argument, layer, argument, false));
      }
    }
    return absl::OkStatus();
  }

 private:
  // The module's path if the node has one of its own; else the operator's name with a number, which the node's has.
  std::string name_of(const Node& node) {
    std::string name = node.scope();
    if (name.empty()) {
      name = node.name();
      if (const size_t colon = name.rfind("::"); colon != std::string::npos) name = name.substr(colon + 2);
    }
    const int count = names_[name]++;
    return count == 0 ? name : absl::StrCat(name, "_", count);
  }

  absl::Status replace(Node* node, const char* argument, const std::string& layer, const char* name,
                       bool is_parameter) {
    const int index = node->argument_index(argument);
    if (index < 0 || !is_weight(node->input(static_cast<size_t>(index)))) return absl::OkStatus();
    const at::Tensor tensor = node->input(static_cast<size_t>(index))->constant().toTensor();
    Value*& value = known_[tensor.unsafeGetTensorImpl()];
    if (value == nullptr) {
      const std::string full_name = absl::StrCat(layer, ".", name);
      PARE_ASSIGN_OR_RETURN(at::Tensor own, guard_torch(full_name, [&] {
                              at::NoGradGuard no_grad;
                              return at::clone(tensor.detach()).set_requires_grad(is_parameter);
                            }));
      if (is_parameter) {
        PARE_ASSIGN_OR_RETURN(value, graph_.add_parameter(full_name, std::move(own)));
      } else {
        PARE_ASSIGN_OR_RETURN(value, graph_.add_buffer(full_name, std::move(own)));
      }
      kept_.push_back(tensor);
    }
    return graph_.set_input(node, static_cast<size_t>(index), value);
  }

  Graph& graph_;
  std::map<std::string, int> names_;
  std::map<const void*, Value*> known_;
  std::vector<at::Tensor> kept_;  // so that no address in known_ is used again
};

}  // namespace

absl::Status unfreeze(Graph& graph) { return graph.parameters().empty() ? Unfreezing(graph).run() : absl::OkStatus(); }

}  // namespace pare::graph
