// Filters are cut out in the middle of a training, which goes on.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

#include "compression/pruning/testing.h"
#include "data/random_loader.h"
#include "models/resnet.h"
#include "training/checkpoint.h"
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

// A training that cut its filters out and was killed is resumed into the whole network, which loses them, too.
TEST(PrunedTraining, ACheckpointOfTheSmallerModelIsResumedToTheSameBits) {
  const std::string folder = ::testing::TempDir() + "/pruned_training";
  std::filesystem::remove_all(folder);
  data::RandomLoaderOptions random;
  random.inputs = {{.shape = {4, 3, 32, 32}}};
  random.num_batches = 3;
  random.num_classes = 10;
  const auto loader = data::RandomLoader::create(random);
  ASSERT_TRUE(loader.ok()) << loader.status();
  const auto network = [] { return import_built(models::make_resnet({.blocks = 1, .width = 8}, {})); };
  training::TrainOptions options;
  options.epochs = 3;
  options.learning_rate.base = 0.01;
  options.output_dir = folder;
  options.checkpoint_every_steps = 1;
  options.keep_checkpoints = 100;

  const auto whole = prune(network(), {{"num_init_steps", 1}}, {{1, 3, 32, 32}});
  ASSERT_NE(whole, nullptr);
  training::TrainOptions cutting = options;
  cutting.on_epoch = [&](const training::EpochReport& report) {
    if (report.epoch == 0) {
      ASSERT_TRUE(whole->remove_pruned_channels().ok());
    }
  };
  const absl::Status trained = training::Trainer(*whole, **loader, nullptr, cutting).run().status();
  ASSERT_TRUE(trained.ok()) << trained;

  options.resume = true;
  for (const char* file : {"step_00000004.checkpoint", "step_00000006.checkpoint"}) {
    options.output_dir = folder + "/resumed";
    std::filesystem::remove_all(options.output_dir);
    std::filesystem::create_directories(options.output_dir);
    std::filesystem::copy(folder + "/" + file, options.output_dir + "/last.checkpoint");
    const auto resumed = prune(network(), {{"num_init_steps", 1}}, {{1, 3, 32, 32}});
    const absl::Status status = training::Trainer(*resumed, **loader, nullptr, options).run().status();
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(resumed->is_cut());
    EXPECT_EQ(resumed->state(), whole->state());
    const auto expected = whole->model()->named_parameters(), found = resumed->model()->named_parameters();
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_TRUE(at::equal(found[i].second, expected[i].second)) << found[i].first;
    }
  }
  // The other way round is refused: what is gone does not come back.
  const auto before = training::load_checkpoint(folder + "/step_00000003.checkpoint");
  ASSERT_TRUE(before.ok()) << before.status();
  const absl::Status status = training::restore(*before, *whole);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pare::pruning
