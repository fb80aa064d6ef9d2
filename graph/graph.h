// graph/graph.h: a neural network as a graph that can be read, hooked and rewritten.
//
//   for (graph::Node* node : graph.nodes()) {                       // in the order of execution
//     if (node->op() == "aten::conv2d") std::cout << node->name();  // "layer1.0.conv1/aten::conv2d"
//   }
//
// Defines
//   Value  what flows along an edge: an input of the graph, a constant, a parameter, a buffer, the training flag, or an
//          output of a node. A value knows every place that uses it.
//   Node   an operator (any of LibTorch's, by its schema) or a Transform (an object of Pare's).
//   Graph  owns both. Nodes are kept in an order in which they can be executed: a node follows the producers of its
//   inputs.
//
// Names are those that a user knows: scope() is the module path in the source model ("layer1.0.conv1", empty at the
// top), parameters are named as in a state dict ("layer1.0.conv1.weight").
//
// Every change keeps the graph valid or is refused with an error; graph/validate.h checks the whole. A graph is not
// thread-safe. Pointers to nodes and values live until they are removed; parameters and buffers live as long as the
// graph.

#ifndef PARE_GRAPH_GRAPH_H_
#define PARE_GRAPH_GRAPH_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/transform.h"

namespace pare::graph {

class Graph;
class Node;

// One place where a value is used: input number `index` of `user`. user == nullptr: it is the graph's output.
struct Use {
  Node* user;
  size_t index;
  bool operator==(const Use& other) const { return user == other.user && index == other.index; }
};

class Value {
 public:
  enum class Kind {
    kInput,       // given to forward()
    kConstant,    // any IValue, None included
    kParameter,   // a tensor that an optimizer may change
    kBuffer,      // a tensor that belongs to the model's state and is not learned
    kTraining,    // a bool: whether the model is in training mode
    kNodeOutput,  // computed
  };

  Kind kind() const { return kind_; }
  bool is_constant() const { return kind_ == Kind::kConstant; }
  bool is_parameter() const { return kind_ == Kind::kParameter; }
  bool is_buffer() const { return kind_ == Kind::kBuffer; }
  bool is_none() const { return is_constant() && constant_.isNone(); }

  // Parameter, buffer, input: its name, unique among its kind. Others: a name for messages.
  const std::string& name() const { return name_; }

  // The node that computes it and which of its outputs it is; nullptr unless kNodeOutput.
  Node* producer() const { return producer_; }
  size_t output_index() const { return output_index_; }

  const std::vector<Use>& uses() const { return uses_; }

  // kConstant only.
  const c10::IValue& constant() const { return constant_; }

  // kParameter and kBuffer only. set_tensor() also changes dtype, shape and device; to write in place, write into
  // tensor().
  const at::Tensor& tensor() const { return tensor_; }
  void set_tensor(at::Tensor tensor) { tensor_ = std::move(tensor); }

 private:
  friend class Graph;
  Kind kind_ = Kind::kConstant;
  std::string name_;
  Node* producer_ = nullptr;
  size_t output_index_ = 0;
  std::vector<Use> uses_;
  c10::IValue constant_;
  at::Tensor tensor_;
};

// How an operator is called: pops its inputs from the stack and pushes its outputs.
using StackFunction = std::function<void(torch::jit::Stack&)>;

class Node {
 public:
  // "aten::conv2d" (no overload name), "prim::ListConstruct", or "pare::<type>" for a transform.
  const std::string& op() const { return op_; }
  // The overload ("Tensor" of aten::add.Tensor), empty if none.
  const std::string& overload() const { return overload_; }

  // nullptr for a transform and for prim::ListConstruct, prim::TupleConstruct, prim::ListUnpack and prim::TupleUnpack.
  const c10::FunctionSchema* schema() const { return schema_; }
  // prim::ListConstruct and prim::DictConstruct: the type that was given when it was made.
  const c10::TypePtr& element_type() const { return element_type_; }
  const std::shared_ptr<Transform>& transform() const { return transform_; }
  bool is_transform() const { return transform_ != nullptr; }

  // Module path in the source model, and the names of the modules' classes along it, outermost (the model's own) first:
  // scope "layer1.0.conv1" has types {"ResNet", "Sequential", "BasicBlock", "Conv2d"} (or fewer if they are unknown).
  const std::string& scope() const { return scope_; }
  const std::vector<std::string>& scope_types() const { return scope_types_; }

  // Unique in the graph: "<scope>/<op>", with "_1", "_2"... appended from the second node of the same scope and
  // operator on, in the order in which they were made. It does not change when other nodes come or go.
  const std::string& name() const { return name_; }

  // Where it stands in the source, for messages: "model.py:12" or empty.
  const std::string& source() const { return source_; }

  const std::vector<Value*>& inputs() const { return inputs_; }
  const std::vector<Value*>& outputs() const { return outputs_; }
  Value* input(size_t index) const { return inputs_.at(index); }
  // The first output, which most operators have alone.
  Value* output(size_t index = 0) const { return outputs_.at(index); }

  // The input for the schema's argument of this name; nullptr if there is none of that name.
  Value* argument(std::string_view argument_name) const;
  // Its position among the inputs, -1 if there is none.
  int argument_index(std::string_view argument_name) const;

  const StackFunction& function() const { return function_; }
  // What keeps schema() alive where that is not the dispatcher; may be null.
  const std::shared_ptr<void>& schema_owner() const { return schema_owner_; }

  Graph* graph() const { return graph_; }

 private:
  friend class Graph;
  Graph* graph_ = nullptr;
  std::string op_, overload_, scope_, name_, source_;
  std::vector<std::string> scope_types_;
  const c10::FunctionSchema* schema_ = nullptr;
  std::shared_ptr<void> schema_owner_;
  StackFunction function_;
  std::shared_ptr<Transform> transform_;
  c10::TypePtr element_type_;
  std::vector<Value*> inputs_, outputs_;
  std::list<std::unique_ptr<Node>>::iterator position_;
  int64_t order_ = 0;  // grows along the order of execution, with gaps
};

// Where a new node goes: its place in the order of execution, and the names it carries.
struct NodePlace {
  Node* before = nullptr;  // nullptr: at the end
  std::string scope;
  std::vector<std::string> scope_types;
  std::string source;
};

// What the shape of an input must be for the graph to mean what its source means: import took a branch or unrolled a
// loop for it. dimension == kRank: `expected` is the number of dimensions.
struct SizeCheck {
  static constexpr int64_t kRank = -1;
  const Value* input;
  int64_t dimension;
  int64_t expected;
  bool operator==(const SizeCheck& other) const {
    return input == other.input && dimension == other.dimension && expected == other.expected;
  }
};

class Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // ---- Reading
  // -------------------------------------------------------------------------------------------------------
  std::vector<Node*> nodes() const;  // in the order of execution
  size_t num_nodes() const { return nodes_.size(); }
  const std::vector<Value*>& inputs() const { return inputs_; }
  Value* output() const { return output_; }  // any IValue: a tensor, or what prim::TupleConstruct and the like made
  const std::vector<Value*>& parameters() const { return parameters_; }  // in the source model's order, then ours
  const std::vector<Value*>& buffers() const { return buffers_; }
  Node* find_node(std::string_view name) const;        // nullptr if there is none
  Value* find_parameter(std::string_view name) const;  // also finds buffers; nullptr if there is none

  Node* first_node() const;                 // nullptr in an empty graph
  Node* next_node(const Node* node) const;  // the one executed after `node`, nullptr after the last
  // Whether `first` is executed before `second`.
  bool is_before(const Node* first, const Node* second) const;

  // Model::forward() refuses inputs that fail one of these.
  const std::vector<SizeCheck>& size_checks() const { return size_checks_; }
  void add_size_check(const SizeCheck& check);

  // Changes with every change of structure (not of tensors): what was computed from the graph is stale when it differs.
  uint64_t version() const { return version_; }

  // A listing, a line a node, for people.
  std::string to_string() const;

  // ---- Values
  // --------------------------------------------------------------------------------------------------------
  Value* add_input(std::string name);
  Value* add_constant(c10::IValue value);
  void set_constant(Value* constant, c10::IValue value);
  // AlreadyExists if a parameter or buffer of this name is there. The tensor is taken as it is, requires_grad included.
  absl::StatusOr<Value*> add_parameter(std::string name, at::Tensor tensor);
  absl::StatusOr<Value*> add_buffer(std::string name, at::Tensor tensor);
  // The flag that says whether the model is in training mode: one a graph.
  Value* training();
  // nullptr or a value of another graph leaves the graph without an output, which validate() and forward() refuse.
  void set_output(Value* value);
  // Removes a parameter or buffer that nothing uses; FailedPrecondition if something does.
  absl::Status remove_parameter(Value* value);

  // ---- Nodes
  // --------------------------------------------------------------------------------------------------------- An
  // operator by its name and overload ("aten::conv2d", ""). `inputs` has a value for every argument of the schema, in
  // order (constants for those that are left at their default: see fill_defaults). Errors: NotFound (no such operator),
  // InvalidArgument (wrong number of inputs, an input that is computed after `place.before`).
  absl::StatusOr<Node*> add_operator(std::string_view op, std::string_view overload, std::vector<Value*> inputs,
                                     const NodePlace& place);

  // An operator whose schema and function the caller has at hand (from TorchScript's registry). `schema_owner` keeps
  // `schema` alive. The number of outputs is that of the schema's returns.
  absl::StatusOr<Node*> add_operator(const c10::FunctionSchema* schema, std::shared_ptr<void> schema_owner,
                                     StackFunction function, std::vector<Value*> inputs, const NodePlace& place);

  // prim::TupleConstruct, prim::TupleUnpack, prim::ListConstruct (needs element_type, an element's JIT type),
  // prim::ListUnpack, prim::DictConstruct: what takes or gives a number of values that no schema says.
  absl::StatusOr<Node*> add_structure(std::string_view op, std::vector<Value*> inputs, size_t num_outputs,
                                      const NodePlace& place, c10::TypePtr element_type = nullptr);

  // inputs[0] is the tensor that flows through, the others are the transform's parameters and buffers. One output. Its
  // name is "<place.scope>/pare::<type>", made unique.
  absl::StatusOr<Node*> add_transform(std::shared_ptr<Transform> transform, std::vector<Value*> inputs,
                                      const NodePlace& place);

  // ---- Rewriting
  // -----------------------------------------------------------------------------------------------------
  // InvalidArgument if `value` is computed after `node` or is no value of this graph.
  absl::Status set_input(Node* node, size_t index, Value* value);
  // Every use of `from`, or those for which `which` is true, becomes one of `to`. All or nothing: InvalidArgument if
  // one of the users is executed before `to` is computed, or one of the two is no value of this graph.
  absl::Status replace_uses(Value* from, Value* to, const std::function<bool(const Use&)>& which = nullptr);
  // FailedPrecondition, naming a user, if an output is in use.
  absl::Status remove(Node* node);
  // Removes the nodes whose outputs nothing uses and that have no side effect (in-place and random operators stay), and
  // returns how many.
  size_t remove_dead_nodes();

 private:
  Value* new_value(Value::Kind kind, std::string name);
  absl::StatusOr<Value*> add_named_tensor(Value::Kind kind, std::string name, at::Tensor tensor);
  absl::StatusOr<Node*> insert(std::unique_ptr<Node> node, std::vector<Value*> inputs, size_t num_outputs,
                               const NodePlace& place);
  bool is_available(const Value* value, const Node* at) const;
  void add_use(Value* value, Node* user, size_t index);
  void remove_use(Value* value, Node* user, size_t index);
  std::string unique_name(const std::string& base);
  void set_order(Node* node);

  std::list<std::unique_ptr<Node>> nodes_;
  std::map<const Value*, std::unique_ptr<Value>> values_;
  std::vector<Value*> inputs_, parameters_, buffers_;
  std::vector<SizeCheck> size_checks_;
  Value* output_ = nullptr;
  Value* training_ = nullptr;
  std::map<std::string, Value*, std::less<>> named_tensors_;
  std::map<std::string, int> name_counts_;
  uint64_t version_ = 0;
};

// Whether calling the operator changes one of its inputs ("aten::add_"), which makes its place in the order matter.
bool is_in_place(const Node& node);

}  // namespace pare::graph

#endif  // PARE_GRAPH_GRAPH_H_
