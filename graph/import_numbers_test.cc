#include "graph/import_numbers.h"

#include <ATen/ops/full.h>
#include <ATen/ops/scalar_tensor.h>
#include <gtest/gtest.h>

namespace pare::graph {
namespace {

class ImportNumbersTest : public testing::Test {
 protected:
  // A tensor that a trace made from dimension 0 of the input.
  ImportValue size_in_tensor() {
    ImportValue tensor = ImportValue::of_graph(graph_.add_input("tensor"));
    Node* size = *graph_.add_operator("aten::size", "int", {graph_.add_input("x"), graph_.add_constant(0)}, {});
    tensor.number = std::make_shared<ImportValue>(ImportValue::of_graph(size->output()));
    return tensor;
  }

  std::optional<ImportValue> number(std::string_view op, const std::vector<ImportValue>& inputs) {
    const auto result = number_in_tensor(graph_, op, inputs, {});
    EXPECT_TRUE(result.ok()) << result.status();
    return *result;
  }

  const ImportValue four_ = ImportValue::constant(at::scalar_tensor(4, c10::kLong));
  Graph graph_;
};

TEST_F(ImportNumbersTest, ANumberGoesIntoATensorAndComesOutTheSame) {
  const ImportValue n = ImportValue::of_graph(graph_.add_input("n"));
  EXPECT_EQ(number("prim::NumToTensor", {n})->value, n.value);
  const ImportValue tensor = size_in_tensor();
  EXPECT_EQ(number("aten::Int", {tensor})->value, tensor.number->value);
  EXPECT_EQ(number("aten::ScalarImplicit", {tensor})->value, tensor.number->value);
}

TEST_F(ImportNumbersTest, ArithmeticOnTensorsBecomesArithmeticOnInts) {
  EXPECT_EQ(number("aten::mul", {size_in_tensor(), four_})->value->producer()->op(), "aten::mul");
  EXPECT_EQ(number("aten::floor_divide", {size_in_tensor(), four_})->value->producer()->op(), "aten::floordiv");
  const ImportValue down = ImportValue::constant("trunc");
  EXPECT_EQ(number("aten::div", {size_in_tensor(), four_, down})->value->producer()->op(), "aten::floordiv");
  const ImportValue tensor = size_in_tensor();
  const Node* reversed =
      number("aten::rsub", {tensor, ImportValue::constant(7), ImportValue::constant(1)})->value->producer();
  EXPECT_EQ(reversed->op(), "aten::sub");
  EXPECT_EQ(reversed->input(0)->constant().toInt(), 7);
  EXPECT_EQ(reversed->input(1), tensor.number->value);
}

TEST_F(ImportNumbersTest, AQuotientIsTruncatedWhenItIsAnIntAgain) {
  ImportValue quotient = ImportValue::of_graph(graph_.add_input("quotient"));
  quotient.number = std::make_shared<ImportValue>(*number("aten::div", {size_in_tensor(), four_}));
  const Node* node = number("aten::Int", {quotient})->value->producer();
  EXPECT_EQ(node->op(), "aten::Int");
  EXPECT_EQ(node->overload(), "float");
}

TEST_F(ImportNumbersTest, WhatMayBeNegativeIsNotTruncatedByFloorDivision) {
  ImportValue difference = ImportValue::of_graph(graph_.add_input("difference"));
  difference.number = std::make_shared<ImportValue>(*number("aten::sub", {size_in_tensor(), four_}));
  EXPECT_FALSE(number("aten::div", {difference, four_, ImportValue::constant("trunc")}).has_value());
}

TEST_F(ImportNumbersTest, OtherTensorsAreLeftAlone) {
  const ImportValue plain = ImportValue::of_graph(graph_.add_input("plain"));
  EXPECT_FALSE(number("aten::mul", {plain, four_}).has_value());
  EXPECT_FALSE(number("aten::mul", {size_in_tensor(), ImportValue::constant(at::full({2}, 4))}).has_value());
  EXPECT_FALSE(number("aten::add", {size_in_tensor(), four_, ImportValue::constant(3)}).has_value()) << "alpha is 3";
  EXPECT_FALSE(number("aten::exp", {size_in_tensor()}).has_value());
}

}  // namespace
}  // namespace pare::graph
