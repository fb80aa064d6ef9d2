#include "compression/quantization/batch_norm_adaptation.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/var.h>

#include <cstdlib>

#include "compression/analysis/calibration_net.h"
#include "compression/quantization/placement.h"
#include "compression/quantization/range_initializer.h"
#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare::quantization {
namespace {

using Outcome = BatchNormAdaptation::Outcome;

TEST(RunningMoments, EqualThoseOfAllValues) {
  const at::Tensor all = scattered({60, 3}, 4);
  RunningMoments moments;
  for (const auto& [start, size] : {std::pair{0, 7}, {7, 50}, {57, 3}}) {
    const at::Tensor part = all.narrow(0, start, size);
    moments.add(part.mean(0), part.var(0, /*unbiased=*/true), size);
  }
  EXPECT_EQ(moments.count(), 60);
  EXPECT_TRUE(moments.mean().allclose(all.to(c10::kDouble).mean(0), 1e-6));
  EXPECT_TRUE(moments.unbiased_variance().allclose(all.to(c10::kDouble).var(0, true), 1e-6));
}

TEST(RunningMoments, ABatchOfOneHasNoVariance) {
  const at::Tensor all = scattered({8, 3}, 4);
  RunningMoments moments;
  const at::Tensor single = all.narrow(0, 0, 1);
  moments.add(single.mean(0), single.var(0, /*unbiased=*/true), 1);  // a NaN
  EXPECT_EQ(moments.count(), 0);
  moments.add(all.mean(0), all.var(0, true), 8);
  moments.add(single.mean(0), single.var(0, true), 1);
  EXPECT_EQ(moments.count(), 8);
  EXPECT_TRUE(moments.unbiased_variance().allclose(all.to(c10::kDouble).var(0, true), 1e-6));
}

struct Fixture {
  explicit Fixture(PlacementOptions options = {}) : model(make_calibration_net()) {
    const QuantizerSetup setup = *place_quantizers(model->graph(), options);
    quantizers = *insert_quantizers(model->graph(), setup, {});
    EXPECT_TRUE(initialize_weight_ranges(quantizers, {}).ok());
  }
  at::Tensor buffer(const char* name) const { return model->graph().find_parameter(name)->tensor(); }
  std::shared_ptr<graph::Model> model;
  std::vector<InsertedQuantizer> quantizers;
};

TEST(BatchNormAdaptation, RevertsWhatHurts) {
  // Ranges as initialised: 8 bits change next to nothing, while the running statistics are not those of this data.
  Fixture f;
  const at::Tensor mean = f.buffer("bn1.running_mean").clone(), var = f.buffer("bn1.running_var").clone();
  TensorLoader loader(scattered({50, 2, 4, 4}, 9), 8);
  ASSERT_TRUE(initialize_activation_ranges(*f.model, f.quantizers, {}, loader).ok());
  const auto result = adapt_batch_norms(*f.model, f.quantizers, loader, 50);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outcome, Outcome::kReverted);
  EXPECT_GT(result->error_after, result->error_before);
  EXPECT_EQ(result->num_held_out, 10);
  EXPECT_EQ(result->num_samples, 40);
  EXPECT_TRUE(f.buffer("bn1.running_mean").equal(mean));
  EXPECT_TRUE(f.buffer("bn1.running_var").equal(var));
  EXPECT_TRUE(graph::validate(f.model->graph()).ok());
  EXPECT_FALSE(f.model->is_training());
}

// The running statistics of the training that follows move by the network's own momentum, and not by the adaptation's.
TEST(BatchNormAdaptation, LeavesMomentumAndModeAsTheyWere) {
  Fixture f;
  const auto norm_of = [&]() -> const graph::Node& {
    for (const graph::Node* node : f.model->graph().nodes()) {
      if (node->op() == "aten::batch_norm") return *node;
    }
    std::abort();
  };
  const double momentum = norm_of().argument("momentum")->constant().toDouble();
  ASSERT_LT(momentum, 1);
  TensorLoader loader(scattered({50, 2, 4, 4}, 9), 8);
  ASSERT_TRUE(initialize_activation_ranges(*f.model, f.quantizers, {}, loader).ok());
  ASSERT_TRUE(adapt_batch_norms(*f.model, f.quantizers, loader, 50).ok());
  EXPECT_EQ(norm_of().argument("momentum")->constant().toDouble(), momentum);
  EXPECT_EQ(norm_of().argument("training")->kind(), graph::Value::Kind::kTraining);
  EXPECT_TRUE(graph::validate(f.model->graph()).ok());
}

TEST(BatchNormAdaptation, KeepsWhatHelpsAndIsExact) {
  // Statistics that fit the data, then a weight quantizer that makes conv1's outputs much smaller: its scale is cut.
  Fixture f;
  const at::Tensor data = scattered({50, 2, 4, 4}, 9);
  TensorLoader loader(data, 8);
  at::Tensor conv_outputs;
  const auto observe = [&](const graph::Node& node, at::ArrayRef<c10::IValue> outputs) {
    if (node.name() == "conv1/aten::conv2d") conv_outputs = outputs[0].toTensor().detach();
  };
  const auto set_statistics_to_data = [&] {
    f.model->set_observer(observe);
    ASSERT_TRUE(f.model->forward_tensor({data}).ok());
    f.model->set_observer(nullptr);
    f.buffer("bn1.running_mean").copy_(conv_outputs.mean(at::IntArrayRef{0, 2, 3}));
    f.buffer("bn1.running_var").copy_(conv_outputs.transpose(0, 1).flatten(1).var(1, true));
  };
  for (const InsertedQuantizer& q : f.quantizers) q.quantizer->set_enabled(false);
  set_statistics_to_data();
  for (const InsertedQuantizer& q : f.quantizers) {
    if (q.quantizer->name() != "conv1.weight") continue;
    q.quantizer->set_enabled(true);
    ValueRange small;
    for (int64_t c = 0; c < q.quantizer->parameters()[0]->tensor().numel(); ++c) {
      small.min.push_back(-0.2f);
      small.max.push_back(0.2f);
    }
    ASSERT_TRUE(q.quantizer->set_range(small).ok());
  }
  const auto result = adapt_batch_norms(*f.model, f.quantizers, loader, 50);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outcome, Outcome::kKept);
  EXPECT_LT(result->error_after, result->error_before / 2);
  // The exact moments of what the samples after the ten held out bring to bn1.
  f.model->set_observer(observe);
  ASSERT_TRUE(f.model->forward_tensor({data.narrow(0, 10, 40)}).ok());
  EXPECT_TRUE(f.buffer("bn1.running_mean").allclose(conv_outputs.mean(at::IntArrayRef{0, 2, 3}), 1e-4, 1e-5));
  EXPECT_TRUE(f.buffer("bn1.running_var").allclose(conv_outputs.transpose(0, 1).flatten(1).var(1, true), 1e-4, 1e-5));
}

TEST(BatchNormAdaptation, ZeroSamplesDoNothingAndFewAreTooFew) {
  Fixture f;
  TensorLoader loader(scattered({4, 2, 4, 4}, 9), 8);
  EXPECT_EQ(adapt_batch_norms(*f.model, f.quantizers, loader, 0)->outcome, Outcome::kNothingToDo);
  EXPECT_EQ(adapt_batch_norms(*f.model, f.quantizers, loader, 100)->outcome, Outcome::kNotPossible);
}

}  // namespace
}  // namespace pare::quantization
