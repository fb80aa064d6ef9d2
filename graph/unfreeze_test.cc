#include "graph/unfreeze.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "graph/model.h"
#include "graph/validate.h"

namespace pare::graph {
namespace {

using Ints = std::vector<int64_t>;

class UnfreezeTest : public testing::Test {
 protected:
  Value* constant(c10::IValue value) { return graph().add_constant(std::move(value)); }

  Value* convolution(Value* x, const at::Tensor& weight, c10::IValue bias, const std::string& scope = "") {
    return (*graph().add_operator("aten::conv2d", "",
                                  {x, constant(weight), constant(std::move(bias)), constant(Ints{1, 1}),
                                   constant(Ints{0, 0}), constant(Ints{1, 1}), constant(1)},
                                  {.scope = scope}))
        ->output();
  }

  Value* norm(Value* x) {
    return (*graph().add_operator(
                "aten::batch_norm", "",
                {x, constant(at::ones({3})), constant(at::zeros({3})), constant(at::zeros({3})),
                 constant(at::ones({3})), graph().training(), constant(0.1), constant(1e-5), constant(true)},
                {}))
        ->output();
  }

  std::vector<std::string> names(const std::vector<Value*>& values) {
    std::vector<std::string> result;
    for (const Value* value : values) result.push_back(value->name());
    return result;
  }

  Graph& graph() { return model_.graph(); }

  Model model_{std::make_unique<Graph>()};
  Value* x_ = graph().add_input("x");
};

TEST_F(UnfreezeTest, WeightsAndStatisticsAreStateAgain) {
  const at::Tensor shared = at::rand({3, 3, 1, 1});
  Value* first = convolution(x_, shared, at::rand({3}));
  graph().set_output(norm(convolution(convolution(first, shared, c10::IValue()), at::rand({3, 3, 1, 1}), {}, "last")));
  const at::Tensor x = at::rand({2, 3, 4, 4});
  const at::Tensor before = model_.forward_tensor({x})->detach();
  ASSERT_TRUE(unfreeze(graph()).ok());
  ASSERT_TRUE(validate(graph()).ok());
  EXPECT_EQ(names(graph().parameters()), (std::vector<std::string>{"conv2d.weight", "conv2d.bias", "last.weight",
                                                                   "batch_norm.weight", "batch_norm.bias"}));
  EXPECT_EQ(names(graph().buffers()), (std::vector<std::string>{"batch_norm.running_mean", "batch_norm.running_var"}));
  const at::Tensor after = *model_.forward_tensor({x});
  EXPECT_TRUE(at::equal(after, before));
  after.sum().backward();
  EXPECT_TRUE(graph().parameters()[0]->tensor().grad().defined());
  graph().parameters()[0]->tensor().detach().zero_();
  EXPECT_NE(shared.sum().item<double>(), 0) << "the constant is its owner's";
}

TEST_F(UnfreezeTest, TheConstantsOfAModelWithParametersStay) {
  Value* scale = *graph().add_parameter("scale", at::ones({1}));
  Value* scaled = (*graph().add_operator("aten::mul", "Tensor", {x_, scale}, {}))->output();
  Value* blur = convolution(scaled, at::ones({3, 3, 1, 1}), {});
  graph().set_output(blur);
  ASSERT_TRUE(unfreeze(graph()).ok());
  EXPECT_TRUE(blur->producer()->argument("weight")->is_constant());
}

}  // namespace
}  // namespace pare::graph
