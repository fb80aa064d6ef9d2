#include "export/torchscript_export.h"

#include <ATen/core/jit_type.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cctype>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "export/check_for_nan.h"

namespace pare::exporters {
namespace {

using graph::Node;
using graph::Value;

// A name that Python takes for a variable.
std::string to_identifier(const std::string& name) {
  std::string result;
  for (char c : name) result += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ? c : '_';
  return result.empty() ? "_" : result;
}

// A module for each part of the names' paths, and the tensors in them.
class ModuleTree {
 public:
  ModuleTree() : unit_(std::make_shared<torch::jit::CompilationUnit>()) { add_module(""); }

  void add_tensor(const std::string& name, const at::Tensor& tensor, bool is_parameter) {
    std::vector<std::string> path = absl::StrSplit(name, '.');
    for (std::string& part : path) {
      if (part.empty()) part = "_";
    }
    const std::string attribute = path.back();
    path.pop_back();
    std::string module_path;
    for (const std::string& part : path) module_path = child(module_path, part);
    TORCH_CHECK(taken_[module_path].insert(attribute).second, "the name ", name, " is taken");
    at::Tensor stored = tensor.detach().cpu();
    if (is_parameter && tensor.requires_grad()) stored = stored.alias().requires_grad_(true);
    modules_.at(module_path).register_parameter(attribute, stored, /*is_buffer=*/!is_parameter);
    places_[name] = {module_path, attribute};
  }

  torch::jit::Module& root() { return modules_.at(""); }
  torch::jit::CompilationUnit& unit() { return *unit_; }

  // The value of the tensor's attribute, got through the modules above it.
  torch::jit::Value* get(const std::string& name, torch::jit::Graph& graph, torch::jit::Value* self) {
    const auto& [module_path, attribute] = places_.at(name);
    torch::jit::Value* module = self;
    std::string at;
    for (absl::string_view part : absl::StrSplit(module_path, '.', absl::SkipEmpty())) {
      at = join(at, std::string(part));
      torch::jit::Value*& known = got_[at];
      if (known == nullptr) known = graph.insertGetAttr(module, std::string(part));
      module = known;
    }
    return graph.insertGetAttr(module, attribute);
  }

 private:
  static std::string join(const std::string& path, const std::string& name) {
    return path.empty() ? name : absl::StrCat(path, ".", name);
  }

  void add_module(const std::string& path) {
    const c10::QualifiedName type(absl::StrCat("__torch__.pare.Module", modules_.size()));
    torch::jit::Module module(type, unit_);
    module.register_attribute("training", c10::BoolType::get(), false);
    modules_.emplace(path, std::move(module));
    taken_[path].insert("training");
  }

  std::string child(const std::string& parent, const std::string& name) {
    std::string path = join(parent, name);
    if (modules_.count(path) > 0) return path;
    TORCH_CHECK(taken_[parent].insert(name).second, path, " is both a tensor and a module");
    add_module(path);
    modules_.at(parent).register_module(name, modules_.at(path));
    return path;
  }

  std::shared_ptr<torch::jit::CompilationUnit> unit_;
  std::map<std::string, torch::jit::Module> modules_;
  std::map<std::string, std::set<std::string>> taken_;
  std::map<std::string, std::pair<std::string, std::string>> places_;
  std::map<std::string, torch::jit::Value*> got_;
};

// Writes a graph as the forward() of a module tree.
class GraphWriter {
 public:
  GraphWriter(const graph::Graph& source, ModuleTree* tree) : source_(source), tree_(*tree) {}

  void write() {
    result_ = std::make_shared<torch::jit::Graph>();
    self_ = result_->addInput("self")->setType(tree_.root().type());
    std::set<std::string> taken = {"self"};
    for (const Value* input : source_.inputs()) {
      std::string name = to_identifier(input->name());
      if (std::isdigit(static_cast<unsigned char>(name[0])) != 0) name = absl::StrCat("x", name);
      while (!taken.insert(name).second) name += "_";
      values_[input] = result_->addInput(name);
    }
    for (const Node* node : source_.nodes()) write_node(*node);
    result_->registerOutput(get(source_.output()));
    result_->lint();
    torch::jit::Module& root = tree_.root();
    torch::jit::Function* forward =
        tree_.unit().create_function(c10::QualifiedName(*root.type()->name(), "forward"), result_);
    root.type()->addMethod(forward);
  }

 private:
  torch::jit::Value* get(const Value* value) {
    torch::jit::Value*& known = values_[value];
    if (known != nullptr) return known;
    switch (value->kind()) {
      case Value::Kind::kParameter:
      case Value::Kind::kBuffer:
        return known = tree_.get(value->name(), *result_, self_);
      case Value::Kind::kTraining:
        return known = result_->insertConstant(false);
      case Value::Kind::kConstant: {
        c10::IValue constant = value->constant();
        if (constant.isTensor() && constant.toTensor().defined()) constant = constant.toTensor().detach().cpu();
        return known = result_->insertConstant(constant);
      }
      default:
        TORCH_CHECK(false, value->name(), " is used before it is computed");
    }
  }

  void write_node(const Node& node) {
    std::vector<torch::jit::Value*> inputs;
    for (const Value* input : node.inputs()) inputs.push_back(get(input));
    torch::jit::Node* written = result_->create(c10::Symbol::fromQualString(node.op()), inputs, node.outputs().size());
    result_->insertNode(written);
    set_types(node, inputs, written);
    for (size_t i = 0; i < node.outputs().size(); ++i) values_[node.output(i)] = written->outputs()[i];
  }

  void set_types(const Node& node, const std::vector<torch::jit::Value*>& inputs, torch::jit::Node* written) {
    const auto set = [&](size_t i, c10::TypePtr type) { written->outputs().at(i)->setType(std::move(type)); };
    if (const c10::FunctionSchema* schema = node.schema()) {
      c10::TypeEnv variables;
      for (size_t i = 0; i < inputs.size() && i < schema->arguments().size(); ++i) {
        c10::matchTypeVariables(schema->arguments()[i].type(), inputs[i]->type(), variables);
      }
      for (size_t i = 0; i < written->outputs().size(); ++i) {
        c10::TypePtr type = schema->returns().at(i).type();
        if (type->hasFreeVariables()) type = c10::tryEvalTypeVariables(type, variables);
        TORCH_CHECK(type != nullptr, "the type of its output ", i, " is not known");
        set(i, type);
      }
    } else if (node.op() == "prim::ListConstruct") {
      set(0, c10::ListType::create(node.element_type()));
    } else if (node.op() == "prim::DictConstruct") {
      set(0, node.element_type());
    } else if (node.op() == "prim::TupleConstruct") {
      std::vector<c10::TypePtr> types;
      for (const torch::jit::Value* input : inputs) types.push_back(input->type());
      set(0, c10::TupleType::create(std::move(types)));
    } else if (node.op() == "prim::ListUnpack") {
      for (size_t i = 0; i < written->outputs().size(); ++i) {
        set(i, inputs.at(0)->type()->expectRef<c10::ListType>().getElementType());
      }
    } else if (node.op() == "prim::TupleUnpack") {
      const auto elements = inputs.at(0)->type()->expectRef<c10::TupleType>().elements();
      for (size_t i = 0; i < written->outputs().size(); ++i) set(i, elements.at(i));
    } else {
      TORCH_CHECK(false, node.op(), " has no schema and no form in TorchScript");
    }
  }

  const graph::Graph& source_;
  ModuleTree& tree_;
  std::shared_ptr<torch::jit::Graph> result_;
  torch::jit::Value* self_ = nullptr;
  std::map<const Value*, torch::jit::Value*> values_;
};

}  // namespace

absl::StatusOr<std::string> to_torchscript(const graph::Graph& graph) {
  if (graph.output() == nullptr) return absl::InvalidArgumentError("the graph has no output");
  for (const Node* node : graph.nodes()) {
    if (!node->is_transform()) continue;
    return absl::UnimplementedError(absl::StrCat("export: ", node->name(), " is a transform of type ",
                                                 std::string(node->transform()->type()),
                                                 ", which no file format has: its method's prepare_for_export() has to "
                                                 "turn it into operators first"));
  }
  return guard_torch("export to TorchScript", [&]() -> std::string {
    ModuleTree tree;
    for (const Value* parameter : graph.parameters()) tree.add_tensor(parameter->name(), parameter->tensor(), true);
    for (const Value* buffer : graph.buffers()) tree.add_tensor(buffer->name(), buffer->tensor(), false);
    GraphWriter(graph, &tree).write();
    std::ostringstream bytes;
    tree.root().save(bytes);
    // TorchScript is written as code and compiled when it is read: only reading shows that it is right.
    std::istringstream again(bytes.str());
    torch::jit::load(again);
    return std::move(bytes).str();
  });
}

absl::Status export_torchscript(graph::Model& model, const std::vector<std::vector<int64_t>>& input_shapes,
                                const std::string& path) {
  PARE_RETURN_IF_ERROR(check_for_nan(model));
  PARE_ASSIGN_OR_RETURN(const std::string bytes, to_torchscript(model.graph()));
  return write_file_atomically(path, bytes);
}

}  // namespace pare::exporters
