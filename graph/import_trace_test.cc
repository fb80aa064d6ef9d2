#include "graph/import_trace.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/ir/ir.h>

namespace pare::graph {
namespace {

TEST(ImportTraceTest, ExamplesGetMoreRowsByRepetition) {
  const at::Tensor x = at::arange(4).view({2, 2});
  const at::Tensor five = with_batch({x}, 5)[0];
  EXPECT_EQ(five.sizes(), (std::vector<int64_t>{5, 2}));
  EXPECT_TRUE(at::equal(five[4], x[0]));
  EXPECT_TRUE(at::equal(five[3], x[1]));
}

TEST(ImportTraceTest, UsesOfParametersAreUsesOfTheGraphsInputs) {
  const at::Tensor weight = at::rand({3, 4});
  const auto recording = record([&](const std::vector<at::Tensor>& x) { return at::matmul(x[0], weight.t()); },
                                {at::rand({2, 4})}, {{"fc.weight", weight}});
  ASSERT_TRUE(recording.ok()) << recording.status();
  ASSERT_EQ(recording->graph->inputs().size(), 2u);
  EXPECT_EQ(recording->graph->inputs()[1]->uses().size(), 1u);
  EXPECT_EQ(recording->output.sizes(), (std::vector<int64_t>{2, 3}));
}

TEST(ImportTraceTest, AnExceptionWhileRecordingIsAStatus) {
  const auto recording = record(
      [](const std::vector<at::Tensor>& x) {
        return x[0].view({-1, 7});
      },
      {at::rand({2, 4})}, {});
  EXPECT_EQ(recording.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(record([](const std::vector<at::Tensor>& x) { return x[0].relu(); }, {at::rand({2})}, {}).ok());
}

absl::StatusOr<std::vector<BatchLiteral>> literals(const ForwardFunction& forward) {
  const std::vector<at::Tensor> inputs = {at::rand({2, 4})};
  const auto first = record(forward, inputs, {}), second = record(forward, with_batch(inputs, 3), {});
  return find_batch_literals(*first->graph, *second->graph, 2);
}

TEST(ImportTraceTest, LiteralsThatAreMultiplesOfTheBatchAreFound) {
  const auto found = literals([](const std::vector<at::Tensor>& x) {
    return x[0].view({x[0].size(0) * 2, 2}).view({x[0].size(0), 4});
  });
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].factor, 2);
  EXPECT_EQ((*found)[1].factor, 1);
}

TEST(ImportTraceTest, OtherDifferencesAreRefused) {
  const std::vector<ForwardFunction> forwards = {
      [](const std::vector<at::Tensor>& x) { return x[0] * static_cast<double>(1 + x[0].size(0)); },
      [](const std::vector<at::Tensor>& x) { return x[0].size(0) > 2 ? x[0].relu() : x[0].sigmoid(); },
      [](const std::vector<at::Tensor>& x) {
        return x[0].repeat({x[0].size(0) + 1, 1});
      },
      [](const std::vector<at::Tensor>& x) {
        at::Tensor y = x[0];
        for (int64_t i = 0; i < y.size(0); ++i) y = y.relu();
        return y;
      },
  };
  for (const ForwardFunction& forward : forwards) {
    EXPECT_EQ(literals(forward).status().code(), absl::StatusCode::kUnimplemented);
  }
}

TEST(ImportTraceTest, ScopesComeFromTheParametersAndTheirNeighbours) {
  const at::Tensor a = at::rand({4}), b = at::rand({4}), c = at::rand({4});
  const auto recording =
      record([&](const std::vector<at::Tensor>& x) { return ((x[0].neg() * a).relu() * b).sigmoid().mul(c).tanh(); },
             {at::rand({2, 4})}, {{"block.0.first.a", a}, {"block.0.second.b", b}, {"head.c", c}});
  std::vector<std::string> scopes;
  for (const auto& [node, scope] :
       scopes_of(*recording->graph, 1, {{"block.0.first.a", a}, {"block.0.second.b", b}, {"head.c", c}})) {
    if (node->kind().is_aten()) scopes.push_back(scope);
  }
  EXPECT_EQ(scopes, (std::vector<std::string>{"", "block.0.first", "block.0", "block.0.second", "", "head", ""}));
}

}  // namespace
}  // namespace pare::graph
