#include "compression/sparsity/const_sparsity.h"

#include <ATen/ops/equal.h>

#include "compression/analysis/conv_net_testing.h"

namespace pare::sparsity {
namespace {

TEST(ConstSparsity, TheZerosOfTheModelStayThroughTraining) {
  const auto model = make_conv_net();
  at::Tensor weight = model->graph().find_parameter("conv2.weight")->tensor().detach();
  weight.mul_(weight.gt(0));
  const int64_t zeros = weight.eq(0).sum().item<int64_t>();
  const at::Tensor before = run(*model);
  auto method = ConstSparsity::create(model, algorithm_config({{"algorithm", "const_sparsity"}}), {{1, 3, 8, 8}});
  ASSERT_TRUE(method.ok()) << method.status();
  EXPECT_TRUE(at::equal(run(*model), before));
  EXPECT_EQ((*method)->stage(), CompressionStage::kFullyCompressed);
  for (int i = 0; i < 2; ++i) train_step(*model, 0.01);
  EXPECT_EQ((*method)->layers()[0].num_zeros(), 0);
  EXPECT_EQ((*method)->layers()[1].num_zeros(), zeros);
  EXPECT_FALSE(at::equal(run(*model), before));
  ASSERT_TRUE((*method)->prepare_for_export().ok());
  EXPECT_EQ(model->graph().find_parameter("conv2.weight")->tensor().eq(0).sum().item<int64_t>(), zeros);
}

TEST(ConstSparsity, HasNoKeysOfItsOwn) {
  const auto method = ConstSparsity::create(
      make_conv_net(), algorithm_config({{"algorithm", "const_sparsity"}, {"level", 0.5}}), {{1, 3, 8, 8}});
  EXPECT_THAT(method.status().message(), ::testing::HasSubstr("level"));
}

}  // namespace
}  // namespace pare::sparsity
