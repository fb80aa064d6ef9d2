// Filters are cut out in the middle of a training, which goes on.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "compression/pruning/testing.h"
#include "data/random_loader.h"
#include "models/resnet.h"
#include "training/trainer.h"

namespace pare::pruning {
namespace {

TEST(PrunedTraining, GoesOnWithTheSmallerModelAndAFreshOptimizer) {
  const auto model = import_built(models::make_resnet({.blocks = 1, .width = 8}, {}));
  const auto method = prune(model, {{"num_init_steps", 1}}, {{1, 3, 32, 32}});
  ASSERT_NE(method, nullptr);
  data::RandomLoaderOptions random;
  random.inputs = {{.shape = {4, 3, 32, 32}}};
  random.num_batches = 4;
  random.num_classes = 10;
  const auto loader = data::RandomLoader::create(random);
  ASSERT_TRUE(loader.ok()) << loader.status();

  std::map<std::string, at::Tensor> when_cut;
  absl::Status cut = absl::UnknownError("never tried");
  training::TrainOptions options;
  options.epochs = 3;
  options.learning_rate.base = 0.01;
  options.on_epoch = [&](const training::EpochReport& report) {
    if (report.epoch != 0) return;
    cut = method->remove_pruned_channels();
    for (const auto& [name, tensor] : model->named_parameters()) when_cut[name] = tensor.detach().clone();
  };
  training::Trainer trainer(*method, **loader, nullptr, options);
  const auto result = trainer.run();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(cut.ok()) << cut;
  EXPECT_TRUE(method->is_cut());
  for (const auto& [name, tensor] : model->named_parameters()) {
    ASSERT_EQ(tensor.sizes(), when_cut.at(name).sizes()) << name;
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
    EXPECT_FALSE(at::equal(tensor.detach(), when_cut.at(name))) << name << " was not trained on";
  }
}

}  // namespace
}  // namespace pare::pruning
