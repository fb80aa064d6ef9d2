#include "graph/batch_size.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "graph/aliases.h"
#include "graph/batch_flow.h"

namespace pare::graph {

namespace {

// No one traces with more, and each candidate costs a run.
constexpr int64_t kLargestBatch = 256;

struct Literal {
  enum class Kind {
    kFixed,  // [L, known sizes]
    kFree,   // [L, -1, ...]
    kMade,   // of an operator that makes a tensor of this many rows
  };
  Node* node;
  size_t shape_index;  // which of its inputs holds L in front
  int64_t size;        // L
  Kind kind;
};

class BatchSize {
 public:
  BatchSize(Model& model, const InputShapes& inputs)
      : model_(model), graph_(model.graph()), inputs_(inputs), flow_(graph_, inputs.shapes) {}

  absl::Status run() {
    find_literals();
    if (literals_.empty()) return absl::OkStatus();
    const bool can_run = inputs_.shapes.size() == graph_.inputs().size() && !writes_into_state();
    std::optional<int64_t> batch = can_run ? batch_by_running() : std::nullopt;
    const bool is_tested = batch.has_value();
    if (!is_tested) batch = batch_by_numbers();
    std::vector<const Literal*> kept;
    for (const Literal& literal : literals_) {
      PARE_ASSIGN_OR_RETURN(const bool is_freed, free(literal, batch));
      if (!is_freed) kept.push_back(&literal);
    }
    if (is_tested && !works_with(*batch)) {
      // Numbers of the form [L, -1, ...] that are multiples of the batch: heads, windows.
      std::vector<const Literal*> others;
      for (const Literal* literal : kept) {
        if (literal->size % *batch != 0) {
          others.push_back(literal);
          continue;
        }
        PARE_RETURN_IF_ERROR(set_leading_size(*literal, literal->size / *batch));
      }
      kept = std::move(others);
      if (!works_with(*batch)) {
        PARE_RETURN_IF_ERROR(put_back());
        for (const Literal& literal : literals_) kept.push_back(&literal);
      }
    }
    if (!kept.empty()) warn(*kept.front());
    return absl::OkStatus();
  }

 private:
  void find_literals() {
    for (Node* node : graph_.nodes()) {
      if (is_view(*node)) {
        if (node->inputs().size() != 2 || !flow_.has_batch(node->input(0))) continue;
        const auto sizes = sizes_in(node->input(1));
        if (!sizes.has_value() || sizes->empty() || sizes->front().value_or(-1) < 1) continue;
        const bool is_free = std::find(sizes->begin(), sizes->end(), std::optional<int64_t>(-1)) != sizes->end();
        literals_.push_back({node, 1, *sizes->front(), is_free ? Literal::Kind::kFree : Literal::Kind::kFixed});
      } else if (const int index = shape_of_made(*node); index >= 0 && meets_batched(node->output())) {
        const auto position = static_cast<size_t>(index);
        literals_.push_back({node, position, *sizes_in(node->input(position))->front(), Literal::Kind::kMade});
      }
    }
  }

  // Which input of an operator that makes a tensor of a given number of rows is its shape, if it has a literal in
  // front.
  int shape_of_made(const Node& node) const {
    static const std::set<std::string_view> kMakers = {"aten::zeros",    "aten::ones",     "aten::full",
                                                       "aten::new_ones", "aten::new_full", "aten::new_zeros",
                                                       "aten::expand",   "aten::repeat"};
    if (kMakers.count(node.op()) == 0) return -1;
    const bool is_made_of_other = node.op() == "aten::expand" || node.op() == "aten::repeat";
    if (is_made_of_other && flow_.has_batch(node.input(0))) return -1;
    const int index = node.argument_index(node.op() == "aten::repeat" ? "repeats" : "size");
    if (index < 0) return -1;
    const auto sizes = sizes_in(node.input(static_cast<size_t>(index)));
    if (!sizes.has_value() || sizes->empty() || sizes->front().value_or(0) < 1) return -1;
    // What is repeated L times has L rows if it had one.
    const Value* repeated = node.input(0);
    const bool has_one_row =
        (repeated->is_parameter() || repeated->is_buffer()) && repeated->tensor().dim() > 0 &&
        (repeated->tensor().size(0) == 1 || repeated->tensor().dim() < static_cast<int64_t>(sizes->size()));
    return node.op() != "aten::repeat" || has_one_row ? index : -1;
  }

  // Whether it is concatenated with a value that has the batch in dimension 0, along another dimension: it has it too.
  // (An addition says nothing: the value may have fewer dimensions.)
  bool meets_batched(const Value* value) const {
    return std::any_of(value->uses().begin(), value->uses().end(), [&](const Use& use) {
      if (use.user == nullptr || use.user->op() != "prim::ListConstruct") return false;
      const auto& elements = use.user->inputs();
      const auto& uses = use.user->output()->uses();
      return std::any_of(elements.begin(), elements.end(),
                         [&](const Value* other) { return other != value && flow_.has_batch(other); }) &&
             std::all_of(uses.begin(), uses.end(), [this](const Use& list_use) {
               return list_use.user != nullptr && list_use.user->op() == "aten::cat" &&
                      flow_.avoids_dimension_0(*list_use.user);
             });
    });
  }

  // A run would change the model.
  bool writes_into_state() const {
    AliasSets aliases(graph_);
    for (const Node* node : graph_.nodes()) {
      if (!is_in_place(*node) || node->inputs().empty()) continue;
      for (const Value* value : aliases.of(node->input(0))) {
        if (value->is_parameter() || value->is_buffer() || value->is_constant()) return true;
      }
    }
    return false;
  }

  // The output for a batch of this size, if the model runs with it.
  std::optional<at::Tensor> output_for(int64_t batch) {
    std::vector<at::Tensor> examples;
    for (size_t i = 0; i < inputs_.shapes.size(); ++i) {
      std::vector<int64_t> shape = inputs_.shapes[i];
      if (shape.empty()) return std::nullopt;
      shape[0] = batch;
      const c10::ScalarType dtype = i < inputs_.dtypes.size() ? inputs_.dtypes[i] : c10::kFloat;
      auto example = guard_torch("an example", [&] { return at::zeros(shape, dtype); });
      if (!example.ok()) return std::nullopt;
      examples.push_back(*std::move(example));
    }
    const at::NoGradGuard no_grad;
    auto output = model_.forward_tensor(examples);
    return output.ok() ? std::optional<at::Tensor>(*std::move(output)) : std::nullopt;
  }

  // The only batch, of those that the numbers can be multiples of, that the model runs with as it was traced.
  std::optional<int64_t> batch_by_running() {
    int64_t common = 0;  // of those that are multiples of the batch for certain
    std::set<int64_t> candidates;
    for (const Literal& literal : literals_) {
      if (literal.kind != Literal::Kind::kFree) common = std::gcd(common, literal.size);
    }
    for (const Literal& literal : literals_) {
      const int64_t number = common != 0 ? common : literal.size;
      for (int64_t i = 1; i <= std::min(number, kLargestBatch); ++i) {
        if (number % i == 0) candidates.insert(i);
      }
    }
    std::optional<int64_t> batch;
    for (const int64_t candidate : candidates) {
      if (!output_for(candidate).has_value()) continue;
      if (batch.has_value()) return std::nullopt;
      batch = candidate;
      // A view that has all its sizes fits one number of elements only.
      if (common != 0) return batch;
    }
    return batch;
  }

  std::optional<int64_t> batch_by_numbers() const {
    int64_t common = 0;
    std::set<int64_t> made;
    for (const Literal& literal : literals_) {
      if (literal.kind == Literal::Kind::kMade) made.insert(literal.size);
      if (literal.kind == Literal::Kind::kFixed) common = std::gcd(common, literal.size);
    }
    // What is concatenated with the batch has as many rows.
    if (made.size() == 1) return *made.begin();
    return common == 1 ? std::optional<int64_t>(1) : std::nullopt;
  }

  // Whether it was done; if not, the number stays.
  absl::StatusOr<bool> free(const Literal& literal, std::optional<int64_t> batch) {
    if (!batch.has_value()) {
      if (literal.kind != Literal::Kind::kFixed) return false;
      PARE_RETURN_IF_ERROR(set_leading_size(literal, std::nullopt));
      return true;
    }
    const bool is_multiple = literal.size % *batch == 0;
    if (!is_multiple || (literal.kind == Literal::Kind::kFree && literal.size != *batch)) return false;
    PARE_RETURN_IF_ERROR(set_leading_size(literal, literal.size / *batch));
    return true;
  }

  bool works_with(int64_t batch) {
    const auto output = output_for(batch), other = output_for(batch + 1);
    if (!output.has_value() || !other.has_value() || output->dim() != other->dim()) return false;
    return output->dim() == 0 || other->size(0) * batch == output->size(0) * (batch + 1);
  }

  // size(input, 0) * factor; without a factor -1.
  absl::Status set_leading_size(const Literal& literal, std::optional<int64_t> factor) {
    Node* node = literal.node;
    Value* shape = node->input(literal.shape_index);
    const NodePlace place{
        .before = node, .scope = node->scope(), .scope_types = node->scope_types(), .source = node->source()};
    // A constant without uses is gone.
    changed_.push_back(
        {&literal, shape->is_constant() ? nullptr : shape, shape->is_constant() ? shape->constant() : c10::IValue()});
    std::vector<Value*> sizes;
    if (shape->is_constant()) {
      for (const int64_t size : shape->constant().toIntVector()) sizes.push_back(graph_.add_constant(size));
    } else {
      sizes = shape->producer()->inputs();
    }
    if (!factor.has_value()) {
      sizes[0] = graph_.add_constant(-1);
    } else {
      PARE_ASSIGN_OR_RETURN(
          Node * size, graph_.add_operator("aten::size", "int", {graph_.inputs()[0], graph_.add_constant(0)}, place));
      sizes[0] = size->output();
      if (*factor != 1) {
        PARE_ASSIGN_OR_RETURN(Node * product,
                              graph_.add_operator("aten::mul", "int", {sizes[0], graph_.add_constant(*factor)}, place));
        sizes[0] = product->output();
      }
    }
    const bool all_known =
        std::all_of(sizes.begin(), sizes.end(), [](const Value* size) { return size->is_constant(); });
    if (all_known) {
      std::vector<int64_t> numbers;
      for (const Value* size : sizes) numbers.push_back(size->constant().toInt());
      return graph_.set_input(node, literal.shape_index, graph_.add_constant(numbers));
    }
    PARE_ASSIGN_OR_RETURN(Node * list,
                          graph_.add_structure("prim::ListConstruct", sizes, 1, place, c10::IntType::get()));
    return graph_.set_input(node, literal.shape_index, list->output());
  }

  absl::Status put_back() {
    for (auto change = changed_.rbegin(); change != changed_.rend(); ++change) {
      Value* shape = change->value != nullptr ? change->value : graph_.add_constant(change->constant);
      PARE_RETURN_IF_ERROR(graph_.set_input(change->literal->node, change->literal->shape_index, shape));
    }
    changed_.clear();
    return absl::OkStatus();
  }

  void warn(const Literal& literal) const {
    const Node& node = *literal.node;
    const std::string source = node.source().empty() ? "" : absl::StrCat(" (", node.source(), ")");
    const char* advice = inputs_.shapes.empty() ? "give the shapes of the inputs (--input_shape), or take"
                                                : "to run it with others take";
    log_warning(absl::StrCat(node.name(), source, ": it is not certain whether the size ", literal.size,
                             " is the batch that the model was traced with, and it is kept: the model may work with "
                             "that batch only; ",
                             advice, " the size from the tensor in the model's source: x.view(x.size(0), -1)"));
  }

  struct Change {
    const Literal* literal;
    Value* value;
    c10::IValue constant;
  };

  Model& model_;
  Graph& graph_;
  const InputShapes& inputs_;
  const BatchFlow flow_;
  std::vector<Literal> literals_;
  std::vector<Change> changed_;
};

}  // namespace

absl::Status free_batch_size(Model& model, const InputShapes& inputs) {
  if (model.graph().inputs().empty()) return absl::OkStatus();
  return BatchSize(model, inputs).run();
}

}  // namespace pare::graph
