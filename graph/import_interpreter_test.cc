#include "graph/import_interpreter.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <optional>

#include "graph/model.h"

namespace pare::graph {
namespace {

class ImportInterpreterTest : public testing::Test {
 protected:
  // Walks through `forward(self, x)` of a module; examples of x if their shape is given.
  absl::StatusOr<std::shared_ptr<Model>> run(const std::string& code, std::vector<int64_t> shape = {}) {
    module_.define(code + "\n");
    auto graph = std::make_unique<Graph>();
    auto attributes = ImportAttributes::create(*graph, module_, true);
    const ImportValue x = ImportValue::of_graph(graph->add_input("x"));
    std::vector<std::vector<c10::IValue>> examples;
    if (!shape.empty()) examples = {{at::zeros(shape)}};
    ExampleRun run(*graph, std::move(examples));
    ImportEmitter emitter(*graph, run, {});
    ImportInterpreter interpreter(emitter, *attributes);
    const auto output =
        interpreter.run(*module_.get_method("forward").graph(), {ImportValue::constant(module_._ivalue()), x}, {});
    if (!output.ok()) return output.status();
    graph->set_output(*emitter.materialize(*output, {}));
    graph->remove_dead_nodes();
    return std::make_shared<Model>(std::move(graph));
  }

  // The output for an input of ones, of the shape given.
  std::optional<double> sum(const absl::StatusOr<std::shared_ptr<Model>>& model, std::vector<int64_t> shape) {
    EXPECT_TRUE(model.ok()) << model.status();
    if (!model.ok()) return std::nullopt;
    const auto output = (*model)->forward_tensor({at::ones(shape)});
    EXPECT_TRUE(output.ok()) << output.status();
    return output.ok() ? std::optional<double>(output->sum().item<double>()) : std::nullopt;
  }

  void expect_error(const absl::Status& status, absl::StatusCode code, const std::string& text) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_NE(std::string(status.message()).find(text), std::string::npos) << status;
  }

  torch::jit::Module module_{"Net"};
};

TEST_F(ImportInterpreterTest, LoopsRunAndBranchesAreTaken) {
  module_.register_attribute("deep", c10::BoolType::get(), true);
  const auto model = run(R"(
def forward(self, x):
    for i in range(3):
        if i == 1:
            x = torch.relu(x)
        elif self.deep:
            x = x * (i + 2)
    while x is None:
        x = x + 1
    return x
)");
  EXPECT_EQ(sum(model, {2}), 16.0);  // 2 * (0 + 2) * (2 + 2)
  EXPECT_EQ((*model)->graph().num_nodes(), 3u);
}

TEST_F(ImportInterpreterTest, ListsAndTuplesLeaveNoNodes) {
  const auto model = run(R"(
def forward(self, x):
    features = [x]
    for _ in range(2):
        features.append(features[-1] * 2)
    a, b = (features[1], features.pop())
    return a + b + float(len(features))
)");
  EXPECT_EQ(sum(model, {1}), 8.0);
  EXPECT_EQ((*model)->graph().num_nodes(), 4u);
}

TEST_F(ImportInterpreterTest, SubmodulesMethodsRunUnderTheirPath) {
  torch::jit::Module layer("Layer");
  layer.register_parameter("weight", at::ones({2}), false);
  layer.define("def scale(self, x):\n    return x * self.weight\ndef forward(self, x):\n    return self.scale(x)\n");
  module_.register_module("layer", layer);
  const auto model = run("def forward(self, x):\n    return self.layer.forward(x)");
  EXPECT_EQ(sum(model, {2}), 2.0);
  const Node* node = (*model)->graph().nodes()[0];
  EXPECT_EQ(node->scope(), "layer");
  EXPECT_EQ(node->scope_types(), (std::vector<std::string>{"Net", "Layer"}));
  EXPECT_NE(node->source(), "");
}

TEST_F(ImportInterpreterTest, AConditionThatOnlyGuardsAnExceptionNeedsNoShapes) {
  const auto model = run(R"(
def forward(self, x):
    assert x.dim() == 2 or x.dim() == 3, "expected 2 or 3 dimensions"
    return torch.relu(x)
)");
  EXPECT_EQ(sum(model, {2, 2}), 4.0);
}

constexpr char kDependsOnShape[] = R"(
def forward(self, x):
    if x.size(1) > 4:
        return x * 2
    return x
)";

TEST_F(ImportInterpreterTest, AConditionOnShapesAsksForThem) {
  expect_error(run(kDependsOnShape).status(), absl::StatusCode::kUnimplemented, "input_shapes");
}

TEST_F(ImportInterpreterTest, AConditionOnShapesIsDecidedByAnExample) {
  EXPECT_EQ(sum(run(kDependsOnShape, {1, 5}), {1, 5}), 10.0);
}

TEST_F(ImportInterpreterTest, ALoopOverADimensionIsUnrolledForTheExample) {
  const auto model = run(R"(
def forward(self, x):
    total = x[:, 0]
    for i in range(1, x.size(1)):
        total = total + x[:, i]
    return total
)",
                         {1, 3});
  EXPECT_EQ(sum(model, {4, 3}), 12.0);
  // With more columns those after the third would be left out.
  expect_error((*model)->forward_tensor({at::ones({4, 5})}).status(), absl::StatusCode::kInvalidArgument,
               "[4, 5], but the model was imported for the size 3 in dimension 1");
}

TEST_F(ImportInterpreterTest, AConditionOnContentsNamesItsLineAndTheWayOut) {
  const auto model = run(R"(
def forward(self, x):
    if bool(x.sum() > 0):
        return x * 2
    return x
)",
                         {1, 3});
  expect_error(model.status(), absl::StatusCode::kUnimplemented, "torch.jit.trace");
  expect_error(model.status(), absl::StatusCode::kUnimplemented, ":3");
}

TEST_F(ImportInterpreterTest, AnAssertionOnTheBatchNeedsNoDecision) {
  module_.define(R"(
def forward(self, x):
    assert x.size(0) > 2 and x.dim() == 2, "a batch of three or more"
    return torch.relu(x)
)");
  auto graph = std::make_unique<Graph>();
  auto attributes = ImportAttributes::create(*graph, module_, true);
  const ImportValue x = ImportValue::of_graph(graph->add_input("x"));
  // The two examples differ in what the assertion says of them.
  ExampleRun examples(*graph, {{at::zeros({2, 2})}, {at::zeros({3, 2})}});
  ImportEmitter emitter(*graph, examples, {});
  ImportInterpreter interpreter(emitter, *attributes);
  const auto output =
      interpreter.run(*module_.get_method("forward").graph(), {ImportValue::constant(module_._ivalue()), x}, {});
  EXPECT_TRUE(output.ok()) << output.status();
}

TEST_F(ImportInterpreterTest, ALoopWithoutAnEndIsGivenUp) {
  const auto model = run("def forward(self, x):\n    while True:\n        pass\n    return x");
  expect_error(model.status(), absl::StatusCode::kUnimplemented, "steps");
}

TEST_F(ImportInterpreterTest, AnExceptionThatIsAlwaysRaisedIsAnError) {
  module_.register_attribute("ready", c10::BoolType::get(), false);
  const auto model = run(R"(
def forward(self, x):
    assert self.ready, "not ready"
    return x
)");
  expect_error(model.status(), absl::StatusCode::kInvalidArgument, "not ready");
}

TEST_F(ImportInterpreterTest, WarningsAndPrintsAreDropped) {
  const auto model = run("def forward(self, x):\n    print(x)\n    return torch.relu(x)");
  EXPECT_EQ((*model)->graph().num_nodes(), 1u);
}

TEST_F(ImportInterpreterTest, OperatorsThatChangeListsInUnknownWaysAreRefused) {
  const auto model = run("def forward(self, x):\n    l = [3, 1]\n    l.sort()\n    return x * l[0]");
  expect_error(model.status(), absl::StatusCode::kUnimplemented, "changes a list");
}

TEST_F(ImportInterpreterTest, AWrongNumberOfInputsIsRefused) {
  module_.define("def forward(self, x):\n    return x\n");
  Graph graph;
  ExampleRun examples(graph, {});
  ImportEmitter emitter(graph, examples, {});
  ImportAttributes attributes(graph);
  ImportInterpreter interpreter(emitter, attributes);
  const auto output = interpreter.run(*module_.get_method("forward").graph(), {}, {});
  expect_error(output.status(), absl::StatusCode::kInvalidArgument, "inputs");
}

}  // namespace
}  // namespace pare::graph
