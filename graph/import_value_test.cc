#include "graph/import_value.h"

#include <gtest/gtest.h>

namespace pare::graph {
namespace {

using Kind = ImportValue::Kind;
using Values = std::vector<ImportValue>;

ImportValue number(int64_t value) { return ImportValue::constant(value); }

ImportValue ints(std::vector<int64_t> values) { return ImportValue::constant(c10::IValue(values)); }

Values run(std::string_view op, const Values& inputs, size_t num_outputs = 1) {
  const auto result = run_container_operator(op, inputs, num_outputs);
  EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->has_value()) << op << " is not run";
  return **result;
}

std::vector<int64_t> as_ints(const ImportValue& value) { return value.to_ivalue()->toIntVector(); }

TEST(ImportValueTest, AConstantContainerIsTakenApartAndPutTogetherAgain) {
  const ImportValue list = ints({1, 2, 3});
  EXPECT_EQ(list.kind, Kind::kList);
  EXPECT_EQ(list.container->elements.size(), 3u);
  EXPECT_EQ(as_ints(list), (std::vector<int64_t>{1, 2, 3}));
  const ImportValue tuple = ImportValue::constant(c10::ivalue::Tuple::create(1, c10::IValue()));
  EXPECT_EQ(tuple.kind, Kind::kTuple);
  EXPECT_TRUE(tuple.to_ivalue()->toTupleRef().elements()[1].isNone());
}

TEST(ImportValueTest, AListWithAnUnknownElementIsNotKnownButItsLengthIs) {
  Graph graph;
  const ImportValue list =
      ImportValue::list(c10::ListType::ofInts(), {number(4), ImportValue::of_graph(graph.add_input("n"))});
  EXPECT_FALSE(list.to_ivalue().has_value());
  EXPECT_EQ(run("aten::len", {list})[0].known.toInt(), 2);
  EXPECT_EQ(run("aten::__getitem__", {list, number(-1)})[0].value, graph.inputs()[0]);
  const Values both = run("prim::ListUnpack", {list}, 2);
  EXPECT_EQ(both[0].known.toInt(), 4);
  EXPECT_EQ(both[1].value, graph.inputs()[0]);
}

TEST(ImportValueTest, AnAppendIsSeenThroughEveryCopyOfTheList) {
  const ImportValue list = ints({1});
  const ImportValue copy = list;
  run("aten::append", {list, number(2)});
  EXPECT_EQ(as_ints(copy), (std::vector<int64_t>{1, 2}));
  const ImportValue other = run("aten::list", {list})[0];
  run("aten::append", {list, number(3)});
  EXPECT_EQ(as_ints(other), (std::vector<int64_t>{1, 2}));
}

TEST(ImportValueTest, ListsBehaveAsPythonsDo) {
  EXPECT_EQ(as_ints(run("aten::slice", {ints({1, 2, 3, 4}), number(-3), number(-1), number(1)})[0]),
            (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(as_ints(run("aten::slice", {ints({1, 2, 3, 4}), ImportValue::constant({}), number(99), number(2)})[0]),
            (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(as_ints(run("aten::add", {ints({1}), ints({2})})[0]), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(as_ints(run("aten::mul", {ints({1, 2}), number(2)})[0]), (std::vector<int64_t>{1, 2, 1, 2}));
  const ImportValue list = ints({1, 2, 3});
  EXPECT_EQ(run("aten::pop", {list})[0].known.toInt(), 3);
  run("aten::insert", {list, number(0), number(9)}, 0);
  run("aten::_set_item", {list, number(-1), number(7)});
  run("aten::reverse", {list}, 0);
  EXPECT_EQ(as_ints(list), (std::vector<int64_t>{7, 1, 9}));
  run("aten::add_", {list, list});
  EXPECT_EQ(as_ints(list), (std::vector<int64_t>{7, 1, 9, 7, 1, 9}));
}

TEST(ImportValueTest, DictsFindAddAndList) {
  c10::impl::GenericDict known(c10::StringType::get(), c10::IntType::get());
  known.insert("a", 1);
  const ImportValue dict = ImportValue::constant(known);
  run("aten::_set_item", {dict, ImportValue::constant("b"), number(2)}, 0);
  EXPECT_EQ(run("aten::__getitem__", {dict, ImportValue::constant("b")})[0].known.toInt(), 2);
  EXPECT_TRUE(run("aten::__contains__", {dict, ImportValue::constant("a")})[0].known.toBool());
  EXPECT_TRUE(run("aten::get", {dict, ImportValue::constant("c")})[0].is_none());
  EXPECT_EQ(as_ints(run("aten::values", {dict})[0]), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(run("aten::items", {dict})[0].container->elements[1].container->elements[0].known.toStringRef(), "b");
  EXPECT_EQ(dict.to_ivalue()->toGenericDict().size(), 2u);
  const auto missing = run_container_operator("aten::__getitem__", {dict, ImportValue::constant("z")}, 1);
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ImportValueTest, BadIndicesAndHugeListsAreRefused) {
  EXPECT_FALSE(run_container_operator("aten::__getitem__", {ints({1}), number(1)}, 1).ok());
  EXPECT_FALSE(run_container_operator("aten::pop", {ints({})}, 1).ok());
  EXPECT_FALSE(run_container_operator("prim::ListUnpack", {ints({1, 2})}, 3).ok());
  EXPECT_FALSE(run_container_operator("aten::mul", {ints({1}), number(int64_t{1} << 40)}, 1).ok());
}

TEST(ImportValueTest, WhatIsNoContainerIsLeftToOthers) {
  EXPECT_FALSE(run_container_operator("aten::add", {number(1), number(2)}, 1)->has_value());
  EXPECT_FALSE(run_container_operator("aten::sort", {ints({2, 1})}, 1)->has_value());
}

}  // namespace
}  // namespace pare::graph
