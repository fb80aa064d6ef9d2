#include "graph/validate.h"

#include <ATen/ops/ones.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::graph {
namespace {

using ::testing::HasSubstr;

// y = relu(x * w). Graph's own functions refuse to break it: the tests write over what they hand out as constant.
class ValidateTest : public ::testing::Test {
 protected:
  ValidateTest() {
    x_ = graph_.add_input("x");
    weight_ = *graph_.add_parameter("weight", at::ones({2}));
    product_ = *graph_.add_operator("aten::mul", "Tensor", {x_, weight_}, {});
    relu_ = *graph_.add_operator("aten::relu", "", {product_->output()}, {});
    graph_.set_output(relu_->output());
  }

  template <typename T>
  static T& writable(const T& value) {
    return const_cast<T&>(value);
  }

  void expect_broken(const std::string& text) {
    const absl::Status status = validate(graph_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  Graph graph_, other_;
  Value* x_;
  Value* weight_;
  Node* product_;
  Node* relu_;
};

TEST_F(ValidateTest, AWholeGraphIsFine) {
  const absl::Status status = validate(graph_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(ValidateTest, AnOutputMustBeSet) {
  graph_.set_output(nullptr);
  expect_broken("not set");
}

TEST_F(ValidateTest, AParameterNeedsATensor) {
  weight_->set_tensor(at::Tensor());
  expect_broken("weight has no tensor");
}

TEST_F(ValidateTest, AParameterOfAnotherGraphIsFound) {
  Value* foreign = *other_.add_parameter("foreign", at::ones({2}));
  writable(product_->inputs())[1] = foreign;
  writable(weight_->uses()).clear();
  expect_broken("no parameter of this graph");
}

TEST_F(ValidateTest, AnInputOfAnotherGraphIsFound) {
  writable(product_->inputs())[0] = other_.add_input("y");
  expect_broken("is not computed before it");
}

TEST_F(ValidateTest, AUseThatTheValueDoesNotKnowIsFound) {
  writable(product_->output()->uses()).clear();
  expect_broken("does not know of this use");
}

TEST_F(ValidateTest, AUseThatIsNoneIsFound) {
  writable(x_->uses()).push_back({relu_, 0});
  expect_broken("claims to be input 0");
}

TEST_F(ValidateTest, ANameThatTwoNodesHaveIsFound) {
  writable(relu_->name()) = product_->name();
  expect_broken("two nodes have this name");
}

TEST_F(ValidateTest, ANumberOfInputsThatTheOperatorDoesNotTakeIsFound) {
  writable(relu_->inputs()).push_back(x_);
  expect_broken("it has 2 inputs, its operator takes 1");
}

TEST_F(ValidateTest, ANodeWithoutAFunctionIsFound) {
  writable(relu_->function()) = nullptr;
  expect_broken("it cannot be called");
}

TEST_F(ValidateTest, TheOutputMustKnowThatItIsOne) {
  writable(relu_->output()->uses()).clear();
  expect_broken("does not know that it is the output");
}

}  // namespace
}  // namespace pare::graph
