#include "compression/quantization/lowering.h"

#include <ATen/core/grad_mode.h>

#include <string>

#include "compression/analysis/calibration_net.h"
#include "compression/quantization/placement.h"
#include "compression/quantization/range_initializer.h"
#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

TEST(Lowering, GivesTheSameValues) {
  for (const char* preset : {"performance", "mixed"}) {
    for (const int bits : {2, 4, 8}) {
      for (const bool per_channel : {false, true}) {
        const at::NoGradGuard no_grad;
        const auto model = make_calibration_net();
        PlacementOptions options;
        options.preset = preset;
        options.weights.bits = bits;
        options.weights.per_channel = per_channel;
        const QuantizerSetup setup = *place_quantizers(model->graph(), options);
        const auto quantizers = *insert_quantizers(model->graph(), setup, {});
        ASSERT_TRUE(initialize_weight_ranges(quantizers, {}).ok());
        TensorLoader loader(scattered({20, 2, 4, 4}, 6), 8);
        ASSERT_TRUE(initialize_activation_ranges(*model, quantizers, {}, loader).ok());
        const at::Tensor x = scattered({3, 2, 4, 4}, 60);
        const at::Tensor before = *model->forward_tensor({x});
        ASSERT_TRUE(lower_quantizers(model->graph(), quantizers).ok());
        ASSERT_TRUE(graph::validate(model->graph()).ok());
        const at::Tensor after = *model->forward_tensor({x});
        EXPECT_TRUE(after.allclose(before, 1e-5, 1e-5))
            << preset << bits << after.sub(before).abs().max().item<float>();
        for (const graph::Node* node : model->graph().nodes()) EXPECT_FALSE(node->is_transform());
        EXPECT_EQ(model->graph().parameters().size(), 5);
      }
    }
  }
}

TEST(Lowering, OffMeansOut) {
  const auto model = make_calibration_net();
  const QuantizerSetup setup = *place_quantizers(model->graph(), {});
  const auto quantizers = *insert_quantizers(model->graph(), setup, {});
  for (const InsertedQuantizer& q : quantizers) q.quantizer->set_enabled(false);
  ASSERT_TRUE(lower_quantizers(model->graph(), quantizers).ok());
  EXPECT_EQ(model->graph().num_nodes(), make_calibration_net()->graph().num_nodes());
}

TEST(Lowering, WithoutARangeNothingHappens) {
  const auto model = make_calibration_net();
  const QuantizerSetup setup = *place_quantizers(model->graph(), {});
  const auto quantizers = *insert_quantizers(model->graph(), setup, {});
  ASSERT_TRUE(initialize_weight_ranges(quantizers, {}).ok());
  const uint64_t version = model->graph().version();
  const absl::Status status = lower_quantizers(model->graph(), quantizers);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(status.message().find("quantizer x"), std::string::npos) << status;
  EXPECT_EQ(model->graph().version(), version);
}

}  // namespace
}  // namespace pare::quantization
