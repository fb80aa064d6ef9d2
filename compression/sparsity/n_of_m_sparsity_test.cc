#include "compression/sparsity/n_of_m_sparsity.h"

#include <ATen/ops/equal.h>

#include "compression/analysis/conv_net_testing.h"

namespace pare::sparsity {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::unique_ptr<NOfMSparsity>> make(nlohmann::json params,
                                                   std::shared_ptr<graph::Model> model = make_conv_net()) {
  return NOfMSparsity::create(std::move(model),
                              algorithm_config({{"algorithm", "n_of_m_sparsity"}, {"params", std::move(params)}}),
                              {{1, 3, 8, 8}});
}

TEST(NOfMSparsity, InEachFourInputChannelsTheTwoGreatestStay) {
  const auto method = make(nlohmann::json::object());
  ASSERT_TRUE(method.ok()) << method.status();
  // conv1 has three input channels.
  ASSERT_EQ((*method)->layers().size(), 2u);
  const MaskedLayer& conv = (*method)->layers()[0];
  const at::Tensor magnitudes = conv.weight().abs().reshape({8, 2, 4, 3, 3});
  const at::Tensor kept = conv.mask->tensor().reshape({8, 2, 4, 3, 3});
  EXPECT_TRUE(kept.sum(2).eq(2).all().item<bool>());
  const at::Tensor least_kept = magnitudes.masked_fill(kept.logical_not(), 1e9).amin(2);
  const at::Tensor greatest_gone = magnitudes.masked_fill(kept, -1).amax(2);
  EXPECT_TRUE(least_kept.ge(greatest_gone).all().item<bool>());
  EXPECT_EQ(conv.num_zeros(), 8 * 8 * 9 / 2);
}

TEST(NOfMSparsity, StartsAndFreezesAsAsked) {
  const auto model = make_conv_net();
  const auto method = make({{"start_epoch", 1}, {"freeze_epoch", 2}, {"n", 1}}, model);
  ASSERT_TRUE(method.ok()) << method.status();
  const auto& layers = (*method)->layers();
  EXPECT_EQ(layers[0].num_zeros(), 0);
  EXPECT_EQ((*method)->stage(), CompressionStage::kUncompressed);
  (*method)->scheduler().epoch_step();
  EXPECT_EQ(layers[0].num_zeros(), 8 * 8 * 9 * 3 / 4);
  EXPECT_EQ((*method)->stage(), CompressionStage::kFullyCompressed);
  // Another order of magnitudes: taken at the second epoch's end, and not at the third's.
  const at::Tensor first = layers[0].mask->tensor().clone();
  at::Tensor weight = layers[0].weight();
  weight.copy_(weight.reciprocal());
  (*method)->scheduler().epoch_step();
  const at::Tensor second = layers[0].mask->tensor().clone();
  EXPECT_FALSE(at::equal(first, second));
  weight.copy_(weight.reciprocal());
  (*method)->scheduler().epoch_step();
  EXPECT_TRUE(at::equal(layers[0].mask->tensor(), second));
}

TEST(NOfMSparsity, RefusesWhatMakesNoSense) {
  EXPECT_THAT(make({{"n", 5}, {"m", 4}}).status().message(), HasSubstr("params.n"));
  EXPECT_THAT(make({{"m", 33}}).status().message(), HasSubstr("params.m"));
  EXPECT_THAT(make({{"start_epoch", 3}, {"freeze_epoch", 2}}).status().message(), HasSubstr("freeze_epoch"));
  EXPECT_THAT(make({{"m", 16}}).status().message(), HasSubstr("no layer"));
}

}  // namespace
}  // namespace pare::sparsity
