#include "graph/fold_weight_hooks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>

#include "graph/hooks.h"
#include "graph/validate.h"

namespace pare::graph {
namespace {

// x * factor, the factor being learned.
struct Scale : Transform {
  std::string_view type() const override { return "scale"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * inputs[1]; }
};
struct AddOne : Transform {
  std::string_view type() const override { return "add_one"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] + 1; }
};
struct Throws : Transform {
  std::string_view type() const override { return "throws"; }
  at::Tensor forward(at::ArrayRef<at::Tensor>) override { TORCH_CHECK(false, "no"); }
};

class FoldWeightHooksTest : public ::testing::Test {
 protected:
  FoldWeightHooksTest() {
    x_ = graph_.add_input("x");
    weight_ = *graph_.add_parameter("w", at::full({2, 2}, 3.0).requires_grad_());
    factor_ = *graph_.add_parameter("factor", at::full({1}, 2.0));
    linear_ = *graph_.add_operator("aten::linear", "", {x_, weight_, graph_.add_constant({})}, {});
    graph_.set_output(linear_->output());
  }
  Graph graph_;
  Value *x_, *weight_, *factor_;
  Node* linear_;
};

TEST_F(FoldWeightHooksTest, TheWeightBecomesTheResult) {
  const at::Tensor identity = weight_->tensor();
  ASSERT_TRUE(insert_weight_hook(graph_, weight_, std::make_shared<Scale>(), {factor_}).ok());
  ASSERT_TRUE(insert_post_hook(graph_, linear_->output(), std::make_shared<AddOne>(), {}).ok());
  const absl::Status status = fold_weight_hooks(graph_, "scale");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(validate(graph_).ok());
  EXPECT_EQ(linear_->input(1), weight_);
  EXPECT_TRUE(weight_->tensor().eq(6).all().item<bool>());
  EXPECT_TRUE(identity.eq(6).all().item<bool>());
  EXPECT_TRUE(identity.requires_grad());
  EXPECT_EQ(graph_.find_parameter("factor"), nullptr) << "nothing uses it any more";
  EXPECT_EQ(graph_.num_nodes(), 2u) << "the post hook stays";
}

TEST_F(FoldWeightHooksTest, AHookOnAHook) {
  Node* first = *insert_weight_hook(graph_, weight_, std::make_shared<AddOne>(), {});
  ASSERT_TRUE(insert_post_hook(graph_, first->output(), std::make_shared<AddOne>(), {}).ok());
  ASSERT_TRUE(fold_weight_hooks(graph_, "add_one").ok());
  EXPECT_EQ(graph_.num_nodes(), 1u);
  EXPECT_TRUE(weight_->tensor().eq(5).all().item<bool>());
}

TEST_F(FoldWeightHooksTest, AnotherUserKeepsTheOldWeight) {
  Node* relu = *graph_.add_operator("aten::relu", "", {weight_}, {});
  ASSERT_TRUE(insert_weight_hook(graph_, weight_, std::make_shared<AddOne>(), {}, {{linear_, 1}}).ok());
  ASSERT_TRUE(fold_weight_hooks(graph_, "add_one").ok());
  EXPECT_TRUE(validate(graph_).ok());
  EXPECT_EQ(relu->input(0), weight_);
  EXPECT_TRUE(weight_->tensor().eq(3).all().item<bool>());
  EXPECT_EQ(linear_->input(1)->name(), "w_add_one");
  EXPECT_TRUE(linear_->input(1)->tensor().eq(4).all().item<bool>());
  EXPECT_TRUE(linear_->input(1)->tensor().requires_grad());
}

TEST_F(FoldWeightHooksTest, AnErrorNamesTheNode) {
  ASSERT_TRUE(insert_weight_hook(graph_, weight_, std::make_shared<Throws>(), {}).ok());
  const absl::Status status = fold_weight_hooks(graph_, "throws");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("pare::throws"), std::string::npos) << status;
  EXPECT_EQ(graph_.num_nodes(), 2u);
}

}  // namespace
}  // namespace pare::graph
