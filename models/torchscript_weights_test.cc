#include "models/torchscript_weights.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "data/cifar10.h"
#include "data/image_loader.h"
#include "data/transforms.h"
#include "models/mlp.h"
#include "models/model_test_util.h"
#include "models/resnet.h"

namespace pare::models {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string temporary(const std::string& name) { return absl::StrCat(::testing::TempDir(), "/", name); }

// A TorchScript file with the weights of a module, all by their names.
void save(const torch::nn::Module& module, const std::string& path, const std::string& without = "") {
  torch::jit::Module script("weights");
  const auto holder = [&](const std::string& name) {
    torch::jit::Module parent = script;
    size_t begin = 0;
    for (size_t dot; (dot = name.find('.', begin)) != std::string::npos; begin = dot + 1) {
      const std::string part = name.substr(begin, dot - begin);
      if (!parent.hasattr(part)) parent.register_module(part, torch::jit::Module("part"));
      parent = parent.attr(part).toModule();
    }
    return std::pair(parent, name.substr(begin));
  };
  for (const auto& item : module.named_parameters()) {
    if (item.key() == without) continue;
    auto [parent, name] = holder(item.key());
    parent.register_parameter(name, item.value(), false);
  }
  script.save(path);
}

TEST(TorchscriptWeightsTest, CopiesEveryTensor) {
  const auto source = *make_mlp({.hidden = 4}, {3, 1, 2, /*seed=*/1});
  const auto target = *make_mlp({.hidden = 4}, {3, 1, 2, /*seed=*/2});
  const std::string path = temporary("weights.pt");
  save(*source.module, path);
  const at::Tensor images = test_images(source, 2);
  ASSERT_FALSE(at::equal(target.forward(images), source.forward(images)));
  const absl::Status status = load_weights_from_torchscript(*target.module, path);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(at::equal(target.forward(images), source.forward(images)));
  EXPECT_TRUE(target.module->parameters()[0].requires_grad());
}

TEST(TorchscriptWeightsTest, ATensorThatCannotBeCopiedChangesNothing) {
  struct Two : torch::nn::Module {
    Two() {
      register_parameter("a", at::zeros({2}));
      register_buffer("b", at::zeros({2}));
    }
  };
  Two target;
  torch::jit::Module script("weights");
  script.register_parameter("a", at::ones({2}), false);
  script.register_buffer("b", at::quantize_per_tensor(at::ones({2}), 0.5, 0, at::kQInt8));
  const std::string path = temporary("quantized.pt");
  script.save(path);
  const absl::Status status = load_weights_from_torchscript(target, path);
  EXPECT_THAT(std::string(status.message()), HasSubstr("'b' is no dense tensor"));
  EXPECT_TRUE(at::equal(target.named_parameters()["a"], at::zeros({2})));
}

TEST(TorchscriptWeightsTest, AMissingASurplusAndAMisshapenTensorAreErrorsThatChangeNothing) {
  const auto source = *make_mlp({.hidden = 4}, {4, 1, 2, 1});
  const std::string path = temporary("others.pt");
  const auto load = [&](const MlpOptions& options, const ModelOptions& model) {
    const auto target = *make_mlp(options, model);
    const at::Tensor before = target.module->parameters()[0].clone();
    const absl::Status status = load_weights_from_torchscript(*target.module, path);
    EXPECT_TRUE(at::equal(before, target.module->parameters()[0]));
    return std::string(status.message());
  };
  save(*source.module, path);
  // A hidden layer of as many features as there are classes, so that nothing but the last layer differs.
  EXPECT_THAT(load({.hidden = 4, .layers = 3}, {4, 1, 2}), AllOf(HasSubstr(path), HasSubstr("holds no 'fc4.")));
  EXPECT_THAT(load({.hidden = 4, .layers = 1}, {4, 1, 2}), HasSubstr("holds 'fc3.bias', which the model lacks"));
  EXPECT_THAT(load({.hidden = 4}, {5, 1, 2}), AllOf(HasSubstr("'fc3."), HasSubstr("shape")));
  save(*source.module, path, "fc2.bias");
  EXPECT_THAT(load({.hidden = 4}, {4, 1, 2}), HasSubstr("holds no 'fc2.bias'"));
}

TEST(TorchscriptWeightsTest, AMissingATruncatedAndAForeignFileAreErrors) {
  const auto model = *make_mlp({.hidden = 4}, {3, 1, 2});
  const std::string path = temporary("broken.pt");
  const auto message = [&] { return std::string(load_weights_from_torchscript(*model.module, path).message()); };
  std::filesystem::remove(path);
  EXPECT_THAT(message(), AllOf(HasSubstr(path), HasSubstr("no such file")));
  save(*model.module, path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_THAT(message(), AllOf(HasSubstr(path), HasSubstr("cannot be read as TorchScript")));
  std::ofstream(path) << "no TorchScript";
  EXPECT_THAT(message(), HasSubstr("cannot be read as TorchScript"));
  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_THAT(message(), HasSubstr("cannot be read as TorchScript"));
  EXPECT_FALSE(load_weights_from_torchscript(*model.module, ::testing::TempDir()).ok());
}

TEST(TorchscriptWeightsRealTest, ResNet20ClassifiesAsItsFileDoes) {
  const char* root = std::getenv("PARE_DATA");
  if (root == nullptr) GTEST_SKIP() << "PARE_DATA is not set: the trained ResNet-20 is not compared";
  const std::string path = absl::StrCat(root, "/resnet20_cifar10/resnet20_cifar10.pt");
  const auto model = *make_resnet(kResNet20, {});
  const absl::Status status = load_weights_from_torchscript(*model.module, path);
  ASSERT_TRUE(status.ok()) << status;
  model.module->eval();
  torch::jit::Module script = torch::jit::load(path);

  std::shared_ptr<const data::ImageDataset> images =
      *data::read_cifar10({absl::StrCat(root, "/cifar10"), data::Split::kTest});
  data::ImageLoaderOptions options;
  options.subset_size = 500;
  options.batch_size = 250;
  options.transform.normalization = data::imagenet_normalization();
  auto loader = *data::ImageLoader::create(images, options);
  ASSERT_TRUE(loader->start_epoch(0).ok());
  const at::NoGradGuard no_grad;
  int64_t right = 0;
  for (;;) {
    const auto batch = *loader->next();
    if (!batch) break;
    const at::Tensor ours = model.forward(batch->inputs[0]);
    const at::Tensor theirs = script.forward({batch->inputs[0]}).toTensor();
    EXPECT_TRUE(at::allclose(ours, theirs, 1e-3, 1e-3));
    EXPECT_TRUE(at::equal(ours.argmax(1), theirs.argmax(1)));
    right += ours.argmax(1).eq(batch->targets).sum().item<int64_t>();
  }
  EXPECT_GT(right, 440);
}

}  // namespace
}  // namespace pare::models
