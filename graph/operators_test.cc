#include "graph/operators.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::graph {
namespace {

using ::testing::HasSubstr;
using torch::jit::Stack;

TEST(Operators, AreFoundByNameAndOverload) {
  const auto add = resolve_operator("aten::add", "Tensor");
  ASSERT_TRUE(add.ok()) << add.status();
  EXPECT_EQ(add->schema->arguments().size(), 3u);
  Stack stack = {at::ones({2}), at::ones({2}), 3};
  add->function(stack);
  ASSERT_EQ(stack.size(), 1u);
  EXPECT_TRUE(at::equal(stack[0].toTensor(), at::full({2}, 4.0)));
}

TEST(Operators, WhatDoesNotExistIsNotFoundAndOverloadsAreListed) {
  EXPECT_EQ(resolve_operator("aten::conv9d", "").status().code(), absl::StatusCode::kNotFound);
  const absl::Status status = resolve_operator("aten::relu", "Tensor").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no overload 'Tensor', only ''"));
}

Stack call(std::string_view op, Stack stack, size_t num_outputs, c10::TypePtr type = nullptr) {
  const auto function = structure_function(op, stack.size(), num_outputs, std::move(type));
  EXPECT_TRUE(function.ok()) << function.status();
  if (function.ok()) (*function)(stack);
  return stack;
}

TEST(Operators, StructuresAreMadeAndTakenApart) {
  Stack tuple = call("prim::TupleConstruct", {1, 2.5}, 1);
  ASSERT_EQ(tuple.size(), 1u);
  EXPECT_EQ(call("prim::TupleUnpack", tuple, 2)[1].toDouble(), 2.5);
  Stack list = call("prim::ListConstruct", {4, 5, 6}, 1, c10::IntType::get());
  EXPECT_EQ(list[0].toIntVector(), (std::vector<int64_t>{4, 5, 6}));
  EXPECT_EQ(call("prim::ListUnpack", list, 3)[2].toInt(), 6);
  const auto type = c10::DictType::create(c10::StringType::get(), c10::IntType::get());
  Stack dict = call("prim::DictConstruct", {"a", 1, "b", 2}, 1, type);
  EXPECT_EQ(dict[0].toGenericDict().at("b").toInt(), 2);
}

TEST(Operators, AStructureOfAnotherSizeThrows) {
  Stack list = call("prim::ListConstruct", {4, 5}, 1, c10::IntType::get());
  const auto unpack = structure_function("prim::ListUnpack", 1, 3, nullptr);
  EXPECT_ANY_THROW((*unpack)(list));
}

TEST(Operators, StructuresNeedTheirTypes) {
  EXPECT_FALSE(structure_function("prim::ListConstruct", 1, 1, nullptr).ok());
  EXPECT_FALSE(structure_function("prim::DictConstruct", 2, 1, c10::IntType::get()).ok());
  EXPECT_EQ(structure_function("prim::Nothing", 1, 1, nullptr).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace pare::graph
