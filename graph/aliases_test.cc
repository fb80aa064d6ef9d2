#include "graph/aliases.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace pare::graph {
namespace {

class AliasesTest : public testing::Test {
 protected:
  Value* constant(c10::IValue value) { return graph_.add_constant(std::move(value)); }

  Value* add(std::string_view op, std::vector<Value*> inputs) {
    return (*graph_.add_operator(op, "", std::move(inputs), {}))->output();
  }

  bool shares(Value* a, Value* b) {
    AliasSets aliases(graph_);
    const auto values = aliases.of(a);
    return std::find(values.begin(), values.end(), b) != values.end();
  }

  Graph graph_;
  Value* x_ = graph_.add_input("x");
};

TEST_F(AliasesTest, AViewSharesAndACopyDoesNot) {
  Value* view = add("aten::view", {x_, constant(std::vector<int64_t>{-1})});
  Value* second = add("aten::view", {view, constant(std::vector<int64_t>{2, -1})});
  Value* relu = add("aten::relu", {x_});
  EXPECT_TRUE(shares(second, x_));
  EXPECT_TRUE(shares(x_, second));
  EXPECT_FALSE(shares(relu, x_));
  EXPECT_TRUE(shares(relu, relu));
}

TEST_F(AliasesTest, DropoutMayReturnItsInput) {
  EXPECT_TRUE(shares(add("aten::dropout", {x_, constant(0.5), graph_.training()}), x_));
}

TEST_F(AliasesTest, AListThatIsOnlyConcatenatedDoesNotTieItsElementsTogether) {
  Value* a = add("aten::relu", {x_});
  Value* b = add("aten::sigmoid", {x_});
  Value* list = (*graph_.add_structure("prim::ListConstruct", {a, b}, 1, {}, c10::TensorType::get()))->output();
  add("aten::cat", {list, constant(1)});
  EXPECT_TRUE(shares(a, list));
  EXPECT_FALSE(shares(a, b));
}

TEST_F(AliasesTest, AListThatIsTakenApartTiesThemTogether) {
  Value* a = add("aten::relu", {x_});
  Value* b = add("aten::sigmoid", {x_});
  Value* list = (*graph_.add_structure("prim::ListConstruct", {a, b}, 1, {}, c10::TensorType::get()))->output();
  Node* unpack = *graph_.add_structure("prim::ListUnpack", {list}, 2, {});
  EXPECT_TRUE(shares(unpack->output(1), a));
}

TEST_F(AliasesTest, NumbersShareNothing) {
  Value* dim = constant(1);
  Value* a = add("aten::unsqueeze", {x_, dim});
  Value* b = add("aten::unsqueeze", {add("aten::relu", {x_}), dim});
  EXPECT_FALSE(shares(a, b));
}

}  // namespace
}  // namespace pare::graph
