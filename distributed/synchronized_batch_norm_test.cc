#include "distributed/synchronized_batch_norm.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <memory>
#include <string>
#include <vector>

#include "data/shard.h"
#include "distributed/testing.h"
#include "gmock/gmock.h"
#include "graph/model.h"
#include "graph/validate.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

constexpr int64_t kChannels = 3;

graph::Value* add_batch_norm(graph::Graph& graph, graph::Value* x, const std::string& name, bool is_affine) {
  const auto numbers = [](double from, double to) { return at::linspace(from, to, kChannels); };
  graph::Value* const none = graph.add_constant({});
  graph::Value* weight = none;
  graph::Value* bias = none;
  if (is_affine) {
    weight = *graph.add_parameter(name + ".weight", numbers(0.5, 2.0).requires_grad_());
    bias = *graph.add_parameter(name + ".bias", numbers(-0.3, 0.3).requires_grad_());
  }
  return (*graph.add_operator("aten::batch_norm", "",
                              {x, weight, bias, *graph.add_buffer(name + ".running_mean", at::zeros({kChannels})),
                               *graph.add_buffer(name + ".running_var", at::ones({kChannels})), graph.training(),
                               graph.add_constant(0.1), graph.add_constant(1e-5), graph.add_constant(true)},
                              {.scope = name}))
      ->output();
}

// Two of them, the second without a scale, and a ReLU in between.
std::shared_ptr<graph::Model> make_model() {
  auto graph = std::make_unique<graph::Graph>();
  graph::Value* const x = graph->add_input("x");
  graph::Value* const first = add_batch_norm(*graph, x, "first", true);
  graph::Value* const relu = (*graph->add_operator("aten::relu", "", {first}, {.scope = "relu"}))->output();
  graph->set_output(add_batch_norm(*graph, relu, "second", false));
  return std::make_shared<graph::Model>(std::move(graph));
}

// Far from zero in one channel, so that sums of squares would lose digits in single precision.
at::Tensor images(int64_t count) {
  const at::Tensor x = at::arange(count * kChannels * 4, at::kFloat).mul(0.7).sin().view({count, kChannels, 2, 2});
  x.select(1, 2).add_(1000.0);
  return x.contiguous();
}

// A loss that looks at each number differently.
at::Tensor loss_of(const at::Tensor& y, int64_t first) {
  const at::Tensor weights = at::arange(y.numel(), at::kFloat).add(static_cast<double>(first * kChannels * 4)).cos();
  return y.mul(weights.view(y.sizes())).sum().add(y.square().sum().mul(0.1));
}

// Of the batch norms that are in use; returns how many.
int set_training_inputs(graph::Graph& graph, graph::Value* value) {
  int count = 0;
  for (graph::Node* node : graph.nodes()) {
    if (node->op() != "aten::batch_norm" || node->output()->uses().empty()) continue;
    count += graph.set_input(node, node->argument_index("training"), value).ok() ? 1 : 0;
  }
  return count;
}

at::Tensor tensor(graph::Model& model, const char* name) { return model.graph().find_parameter(name)->tensor(); }

TEST(SynchronizedBatchNorm, ComputesWhatOneProcessComputes) {
  for (const int64_t count : {7, 8}) {
    const auto alone = make_model();
    alone->train();
    const at::Tensor x = images(count).requires_grad_();
    const at::Tensor y = alone->forward_tensor({x}).value();
    loss_of(y, 0).backward();
    run_in_threads(3, [&](ProcessGroup& group) {
      const data::Part part = data::part_of({group.rank(), group.size()}, count);
      const auto model = make_model();
      const SynchronizedBatchNorm synchronized(*model, group);
      EXPECT_EQ(synchronized.size(), 2u);
      EXPECT_TRUE(graph::validate(model->graph()).ok());
      model->train();
      const at::Tensor mine = images(count).narrow(0, part.begin, part.size()).clone().requires_grad_();
      const auto output = model->forward_tensor({mine});
      ASSERT_TRUE(output.ok()) << output.status();
      EXPECT_TRUE(at::allclose(*output, y.detach().narrow(0, part.begin, part.size()), 1e-4, 1e-4));
      loss_of(*output, part.begin).backward();
      EXPECT_TRUE(at::allclose(mine.grad(), x.grad().narrow(0, part.begin, part.size()), 1e-3, 1e-4));
      for (const char* name : {"first.weight", "first.bias"}) {
        const at::Tensor sum = tensor(*model, name).grad().clone();
        ASSERT_TRUE(group.all_reduce(sum, Reduction::kSum).ok());
        EXPECT_TRUE(at::allclose(sum, tensor(*alone, name).grad(), 1e-3, 1e-3)) << name;
      }
      for (const char* name :
           {"first.running_mean", "first.running_var", "second.running_mean", "second.running_var"}) {
        EXPECT_TRUE(at::allclose(tensor(*model, name), tensor(*alone, name), 1e-4, 1e-5)) << name;
      }
    });
  }
}

TEST(SynchronizedBatchNorm, ASampleThatOnlyStandsInDoesNotCount) {
  const auto alone = make_model();
  alone->train();
  const at::Tensor y = alone->forward_tensor({images(2)}).value();
  run_in_threads(2, [&](ProcessGroup& group) {
    const auto model = make_model();
    SynchronizedBatchNorm synchronized(*model, group);
    synchronized.set_counts(group.rank() == 0);
    model->train();
    const at::Tensor mine = group.rank() == 0 ? images(2) : at::full({1, kChannels, 2, 2}, 77.0);
    const auto output = model->forward_tensor({mine});
    ASSERT_TRUE(output.ok()) << output.status();
    if (group.rank() == 0) {
      EXPECT_TRUE(at::allclose(*output, y.detach(), 1e-4, 1e-4));
    }
    EXPECT_TRUE(at::allclose(tensor(*model, "first.running_mean"), tensor(*alone, "first.running_mean"), 1e-4));
  });
}

TEST(SynchronizedBatchNorm, ASampleThatOnlyStandsInDoesNotChangeGradients) {
  const auto alone = make_model();
  alone->train();
  loss_of(alone->forward_tensor({images(2)}).value(), 0).backward();
  run_in_threads(2, [&](ProcessGroup& group) {
    const auto model = make_model();
    SynchronizedBatchNorm synchronized(*model, group);
    synchronized.set_counts(group.rank() == 0);
    model->train();
    const bool counts = group.rank() == 0;
    const at::Tensor mine = (counts ? images(2) : at::full({1, kChannels, 2, 2}, 77.0)).requires_grad_();
    const auto output = model->forward_tensor({mine});
    ASSERT_TRUE(output.ok()) << output.status();
    // As the trainer does: its loss counts nothing.
    loss_of(*output, 0).mul(counts ? 1.0 : 0.0).backward();
    if (!counts) {
      EXPECT_EQ(mine.grad().abs().max().item<double>(), 0.0);
    }
    for (const char* name : {"first.weight", "first.bias"}) {
      const at::Tensor sum = tensor(*model, name).grad().clone();
      ASSERT_TRUE(group.all_reduce(sum, Reduction::kSum).ok());
      EXPECT_TRUE(at::allclose(sum, tensor(*alone, name).grad(), 1e-3, 1e-3)) << name;
    }
  });
}

TEST(SynchronizedBatchNorm, ChangesNothingInEvaluationOrWhereStatisticsAreFrozen) {
  run_in_threads(2, [](ProcessGroup& group) {
    const auto model = make_model(), plain = make_model();
    plain->eval();
    const at::Tensor x = images(group.rank() + 1);
    const at::Tensor expected = plain->forward_tensor({x}).value();
    const SynchronizedBatchNorm synchronized(*model, group);
    model->eval();
    // Not the same number of runs in both: nothing is exchanged.
    for (int i = 0; i <= group.rank(); ++i) EXPECT_TRUE(at::equal(*model->forward_tensor({x}), expected));
    model->train();
    EXPECT_EQ(set_training_inputs(model->graph(), model->graph().add_constant(false)), 2);
    for (int i = 0; i <= group.rank(); ++i) EXPECT_TRUE(at::equal(*model->forward_tensor({x}), expected));
  });
}

TEST(SynchronizedBatchNorm, InEveryModeAFlagOfItsOwnIsEnough) {
  const auto alone = make_model();
  alone->train();
  const at::Tensor y = alone->forward_tensor({images(4)}).value();
  run_in_threads(2, [&](ProcessGroup& group) {
    const auto model = make_model();
    const SynchronizedBatchNorm synchronized(*model, group, SynchronizedBatchNorm::Modes::kEvery);
    model->eval();
    EXPECT_EQ(set_training_inputs(model->graph(), model->graph().add_constant(true)), 2);
    const auto output = model->forward_tensor({images(4).narrow(0, 2 * group.rank(), 2)});
    ASSERT_TRUE(output.ok()) << output.status();
    EXPECT_TRUE(at::allclose(*output, y.detach().narrow(0, 2 * group.rank(), 2), 1e-3, 1e-3)) << *output << y;
  });
}

TEST(SynchronizedBatchNorm, TheGraphIsAsBeforeWhenItEnds) {
  run_in_threads(1, [](ProcessGroup& group) {
    const auto model = make_model();
    const std::string before = model->graph().to_string();
    {
      const SynchronizedBatchNorm synchronized(*model, group);
      EXPECT_NE(model->graph().to_string(), before);
      // As freezing them for a while does.
      EXPECT_EQ(set_training_inputs(model->graph(), model->graph().add_constant(false)), 2);
      EXPECT_EQ(set_training_inputs(model->graph(), model->graph().training()), 2);
    }
    EXPECT_EQ(model->graph().to_string(), before);
    model->train();
    ASSERT_TRUE(model->forward_tensor({images(2)}).ok());
    EXPECT_GT(tensor(*model, "first.running_mean")[2].item<double>(), 50.0) << "training mode is back";
  });
}

TEST(SynchronizedBatchNorm, AGraphThatIsCleanedUpMeanwhileGoesOn) {
  run_in_threads(1, [](ProcessGroup& group) {
    const auto model = make_model(), plain = make_model();
    {
      const SynchronizedBatchNorm synchronized(*model, group);
      EXPECT_EQ(model->graph().remove_dead_nodes(), 2u);
    }
    EXPECT_TRUE(graph::validate(model->graph()).ok());
    model->train();
    plain->train();
    EXPECT_TRUE(at::equal(*model->forward_tensor({images(3)}), *plain->forward_tensor({images(3)})));
  });
}

TEST(SynchronizedBatchNorm, AProcessThatHasGoneIsTheGroupsError) {
  run_in_threads(
      2,
      [](ProcessGroup& group) {
        if (group.rank() == 1) return;
        const auto model = make_model();
        const SynchronizedBatchNorm synchronized(*model, group);
        model->train();
        EXPECT_TRUE(synchronized.status().ok());
        EXPECT_FALSE(model->forward_tensor({images(2)}).ok());
        EXPECT_EQ(synchronized.status().code(), absl::StatusCode::kUnavailable);
      },
      std::chrono::seconds(2));
}

TEST(SynchronizedBatchNorm, OneValueAChannelIsTooFew) {
  run_in_threads(1, [](ProcessGroup& group) {
    const auto model = make_model();
    const SynchronizedBatchNorm synchronized(*model, group);
    model->train();
    const auto output = model->forward_tensor({at::ones({1, kChannels, 1, 1})});
    EXPECT_THAT(std::string(output.status().message()), ::testing::HasSubstr("more than one value a channel"));
  });
}

}  // namespace
}  // namespace pare
