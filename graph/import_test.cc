#include "graph/import.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace pare::graph {
namespace {

using Shapes = std::vector<std::vector<int64_t>>;

// A normalized linear layer, as torch.jit.script writes them.
torch::jit::Module scripted_layer() {
  torch::jit::Module module("Layer");
  module.register_parameter("weight", at::rand({4, 4}), false);
  module.register_buffer("running_mean", at::zeros({4}));
  module.register_buffer("running_var", at::ones({4}));
  module.register_buffer("num_batches_tracked", at::zeros({}, c10::kLong));
  module.register_attribute("training", c10::BoolType::get(), true);
  module.register_attribute("track", c10::BoolType::get(), true);
  module.define(R"(
def forward(self, x):
    assert x.dim() == 2, "expected 2 dimensions"
    if self.training and self.track:
        self.num_batches_tracked.add_(1)
    y = torch.matmul(x, self.weight)
    if self.training:
        use_batch = True
    else:
        use_batch = False
    y = torch.batch_norm(y, None, None, self.running_mean if not self.training or self.track else None,
                         self.running_var if not self.training or self.track else None, use_batch, 0.1, 1e-5, False)
    y = torch.dropout(torch.relu_(y), 0.5, self.training)
    return y
)");
  return module;
}

std::string temporary(const std::string& name) { return testing::TempDir() + "/" + name; }

std::string bytes_of(const torch::jit::Module& module) {
  std::ostringstream stream;
  module.save(stream);
  return stream.str();
}

std::string write(const std::string& name, const std::string& bytes) {
  const std::string path = temporary(name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

absl::StatusOr<std::shared_ptr<Model>> import_code(const std::string& code, const ImportOptions& options = {}) {
  torch::jit::Module module("Net");
  module.define(code + "\n");
  return import_torchscript(module, options);
}

TEST(ImportTest, AScriptsTrainingBranchesBecomeFlags) {
  const torch::jit::Module module = scripted_layer();
  const auto imported = import_torchscript(module, {});
  ASSERT_TRUE(imported.ok()) << imported.status();
  Model& model = **imported;
  std::vector<std::string> ops;
  for (const Node* node : model.graph().nodes()) ops.push_back(node->op());
  EXPECT_EQ(ops, (std::vector<std::string>{"aten::matmul", "aten::batch_norm", "aten::relu", "aten::dropout"}));
  EXPECT_EQ(model.graph().nodes()[1]->argument("training"), model.graph().training());
  EXPECT_EQ(model.graph().nodes()[3]->argument("train"), model.graph().training());
  EXPECT_EQ(model.named_buffers().size(), 2u) << "the counter of batches is gone";

  torch::jit::Module original = module.deepcopy();
  original.eval();
  const at::Tensor x = at::rand({3, 4});
  EXPECT_TRUE(at::equal(*model.forward_tensor({x}), original.forward({x}).toTensor()));
  EXPECT_TRUE(at::equal(model.named_buffers()[0].second, at::zeros({4})));
  model.train();
  ASSERT_TRUE(model.forward_tensor({x}).ok());
  EXPECT_FALSE(at::equal(model.named_buffers()[0].second, at::zeros({4})));
  EXPECT_TRUE(at::equal(module.attr("running_mean").toTensor(), at::zeros({4}))) << "the module's own is untouched";
}

TEST(ImportTest, AFileIsTheModuleThatWasSaved) {
  const torch::jit::Module module = scripted_layer();
  const auto model = import_torchscript(write("layer.pt", bytes_of(module)), {});
  ASSERT_TRUE(model.ok()) << model.status();
  torch::jit::Module original = module.deepcopy();
  original.eval();
  const at::Tensor x = at::rand({3, 4});
  EXPECT_TRUE(at::equal(*(*model)->forward_tensor({x}), original.forward({x}).toTensor()));
}

TEST(ImportTest, FilesThatAreNoTorchScriptAreRefused) {
  EXPECT_EQ(import_torchscript(temporary("none.pt"), {}).status().code(), absl::StatusCode::kNotFound);
  const std::string good = bytes_of(scripted_layer());
  const std::map<std::string, std::string> files = {
      {"garbage.pt", std::string(5000, 'x')},
      {"empty.pt", ""},
      {"half.pt", good.substr(0, good.size() / 2)},
      {"almost.pt", good.substr(0, good.size() - 1)},
      {"late.pt", good.substr(100)},
  };
  for (const auto& [name, bytes] : files) {
    const absl::Status status = import_torchscript(write(name, bytes), {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name << ": " << status;
    EXPECT_NE(std::string(status.message()).find(name), std::string::npos) << status;
  }
  EXPECT_EQ(import_torchscript(testing::TempDir(), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ImportTest, ADamagedFileIsAnErrorOrAModel) {
  const std::string good = bytes_of(scripted_layer());
  for (size_t i = 0; i < good.size(); i += 97) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x5a);
    import_torchscript(write("damaged.pt", bad), {}).status().IgnoreError();  // it returns, one way or the other
  }
}

TEST(ImportTest, AModuleWithoutForwardIsRefused) {
  EXPECT_EQ(import_torchscript(torch::jit::Module("Empty"), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ImportTest, OptionalInputsKeepTheirDefaultUnlessShapesAreGiven) {
  const std::string code = R"(
def forward(self, x, scale: Optional[Tensor] = None):
    if scale is not None:
        x = x * scale
    return x + 1
)";
  const auto plain = import_code(code);
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ((*plain)->graph().inputs().size(), 1u);
  const auto scaled = import_code(code, {.input_shapes = {{2, 2}, {2, 2}}});
  ASSERT_TRUE(scaled.ok()) << scaled.status();
  EXPECT_EQ((*scaled)->graph().inputs()[1]->name(), "scale");
  EXPECT_EQ(import_code(code, {.input_shapes = {{2}, {2}, {2}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(import_code(code, {.input_shapes = {{-2}}}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(import_code("def forward(self, x, n: int):\n    return x * n").status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(ImportTest, AConditionOnContentsIsRefused) {
  const auto model = import_code(R"(
def forward(self, x):
    if float(x.max()) > 1:
        x = x / x.max()
    return x
)");
  EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(model.status().message()).find("trace"), std::string::npos) << model.status();
}

TEST(ImportTest, WhatReachesOutsideIsRefused) {
  const auto model = import_code("def forward(self, x):\n    torch.save(x, 'file')\n    return x");
  EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented) << model.status();
}

TEST(ImportTest, ATensorThatIsWrittenIntoIsMadeAnewByEveryCall) {
  const auto model = import_code(R"(
def forward(self, x):
    total = torch.zeros([2])
    total[0] += x.sum()
    return total
)");
  ASSERT_TRUE(model.ok()) << model.status();
  const at::Tensor x = at::ones({3});
  const at::Tensor first = (*model)->forward_tensor({x})->clone();
  EXPECT_EQ(first[0].item<double>(), 3.0);
  EXPECT_TRUE(at::equal(*(*model)->forward_tensor({x}), first));
}

TEST(ImportTest, AStraightModelsBatchIsFree) {
  const auto model = import_code("def forward(self, x):\n    return torch.relu(x).view(2, 12)");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->forward_tensor({at::rand({5, 3, 4})})->sizes(), (std::vector<int64_t>{5, 12}));
}

TEST(ImportTest, SeveralOutputsComeAsATuple) {
  const auto model = import_code("def forward(self, x):\n    return (x + 1, [x, x * 2])");
  ASSERT_TRUE(model.ok()) << model.status();
  const auto output = (*model)->forward({at::ones({1})});
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->toTupleRef().elements()[1].toTensorVector()[1].item<double>(), 2.0);
}

std::map<std::string, int> histogram(const Graph& graph) {
  std::map<std::string, int> counts;
  for (const Node* node : graph.nodes()) ++counts[node->op()];
  return counts;
}

TEST(ImportTest, TheTracedAndTheScriptedResnetAreTheSameGraph) {
  const char* data = std::getenv("PARE_DATA");
  if (data == nullptr) GTEST_SKIP() << "PARE_DATA is not set: the trained ResNet-20 is not at hand";
  const std::string folder = std::string(data) + "/resnet20_cifar10/";
  const auto traced = import_torchscript(folder + "resnet20_cifar10.pt", {});
  const auto scripted = import_torchscript(folder + "resnet20_cifar10_scripted.pt", {});
  ASSERT_TRUE(traced.ok()) << traced.status();
  ASSERT_TRUE(scripted.ok()) << scripted.status();
  EXPECT_EQ((*traced)->parameters().size(), 59u);
  EXPECT_EQ((*scripted)->parameters().size(), 59u);
  EXPECT_EQ(histogram((*traced)->graph()), histogram((*scripted)->graph()));
  EXPECT_NE((*traced)->graph().find_node("layer1.0.conv1/aten::conv2d"), nullptr);
  EXPECT_NE((*scripted)->graph().find_node("layer1.0.conv1/aten::conv2d"), nullptr);
  EXPECT_EQ((*scripted)->graph().find_node("layer1.0.conv1/aten::conv2d")->scope_types(),
            (std::vector<std::string>{"ResNet", "Sequential", "Block", "Conv2d"}));
  for (const int64_t batch : {1, 4}) {
    const at::Tensor x = at::randn({batch, 3, 32, 32});
    at::NoGradGuard no_grad;
    const auto a = (*traced)->forward_tensor({x}), b = (*scripted)->forward_tensor({x});
    ASSERT_TRUE(a.ok()) << a.status();
    ASSERT_TRUE(b.ok()) << b.status();
    EXPECT_TRUE(at::equal(*a, *b));
  }
}

}  // namespace
}  // namespace pare::graph
