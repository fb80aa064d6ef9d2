#include "graph/import_checks.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace pare::graph {
namespace {

class ImportChecksTest : public testing::Test {
 protected:
  Value* add(std::string_view op, std::string_view overload, std::vector<Value*> inputs) {
    return (*graph_.add_operator(op, overload, std::move(inputs), {}))->output();
  }

  Value* size(Value* tensor, int64_t dimension) {
    return add("aten::size", "int", {tensor, graph_.add_constant(dimension)});
  }

  std::vector<SizeCheck> checks_of(const Value* decided) {
    const absl::Status added = add_size_checks(graph_, decided, examples_);
    EXPECT_TRUE(added.ok()) << added;
    return graph_.size_checks();
  }

  Graph graph_;
  Value* x_ = graph_.add_input("x");
  Value* y_ = graph_.add_input("y");
  ExampleRun examples_{graph_, {{at::zeros({2, 3, 5}), at::zeros({2})}, {at::zeros({3, 3, 5}), at::zeros({3})}}};
};

TEST_F(ImportChecksTest, ASizeOfAnInputChecksThatDimension) {
  Value* condition = add("aten::gt", "int", {size(x_, -1), graph_.add_constant(4)});
  EXPECT_EQ(checks_of(condition), (std::vector<SizeCheck>{{x_, 2, 5}}));
}

TEST_F(ImportChecksTest, TheBatchIsNotChecked) { EXPECT_TRUE(checks_of(size(x_, 0)).empty()); }

TEST_F(ImportChecksTest, ARankChecksTheRank) {
  Value* relu = add("aten::relu", "", {x_});
  EXPECT_EQ(checks_of(add("aten::dim", "", {relu})), (std::vector<SizeCheck>{{x_, SizeCheck::kRank, 3}}));
}

TEST_F(ImportChecksTest, ASizeOfSomethingComputedChecksTheInputsItComesFrom) {
  Value* relu = add("aten::relu", "", {x_});
  EXPECT_EQ(checks_of(size(relu, 1)), (std::vector<SizeCheck>{{x_, SizeCheck::kRank, 3}, {x_, 1, 3}, {x_, 2, 5}}));
}

TEST_F(ImportChecksTest, ADtypeChecksNothing) {
  EXPECT_TRUE(checks_of(add("aten::is_floating_point", "", {add("aten::relu", "", {x_})})).empty());
}

}  // namespace
}  // namespace pare::graph
