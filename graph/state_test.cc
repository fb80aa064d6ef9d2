#include "graph/state.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <filesystem>
#include <fstream>

#include "base/operator_new_testing.h"
#include "gmock/gmock.h"
#include "graph/hooks.h"
#include "gtest/gtest.h"

namespace pare::graph {
namespace {

using ::testing::HasSubstr;

// Multiplies by a factor that is part of its state.
class Factor : public Transform {
 public:
  std::string_view type() const override { return "factor"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0] * inputs[1] * factor; }
  nlohmann::json state() const override { return {{"factor", factor}}; }
  absl::Status set_state(const nlohmann::json& state) override {
    if (!state.contains("factor")) return absl::InvalidArgumentError("factor: missing");
    factor = state["factor"];
    return absl::OkStatus();
  }
  double factor = 1;
};

// linear(x, w) -> batch_norm -> relu, with a hook on the weight.
struct Net {
  Net() {
    auto owned = std::make_unique<Graph>();
    Graph& graph = *owned;
    const auto constant = [&](c10::IValue value) { return graph.add_constant(std::move(value)); };
    Value* x = graph.add_input("x");
    weight = *graph.add_parameter("fc.weight", at::ones({3, 2}).set_requires_grad(true));
    Value* scale = *graph.add_parameter("fc.scale", at::ones({1}).set_requires_grad(true));
    mean = *graph.add_buffer("bn.running_mean", at::zeros({3}));
    Value* variance = *graph.add_buffer("bn.running_var", at::ones({3}));
    Node* linear = *graph.add_operator("aten::linear", "", {x, weight, constant({})}, {.scope = "fc"});
    Node* norm = *graph.add_operator("aten::batch_norm", "",
                                     {linear->output(), constant({}), constant({}), mean, variance, graph.training(),
                                      constant(0.1), constant(0.0), constant(true)},
                                     {.scope = "bn"});
    Node* relu = *graph.add_operator("aten::relu", "", {norm->output()}, {});
    graph.set_output(relu->output());
    factor = std::make_shared<Factor>();
    EXPECT_TRUE(insert_weight_hook(graph, weight, factor, {scale}).ok());
    model = std::make_unique<Model>(std::move(owned));
  }
  std::unique_ptr<Model> model;
  std::shared_ptr<Factor> factor;
  Value* weight;
  Value* mean;
};

class StateFile : public ::testing::Test {
 protected:
  std::string path_ = ::testing::TempDir() + "/model.state";
};

TEST_F(StateFile, ComesBackWhole) {
  Net net, other;
  net.weight->tensor().detach().fill_(3);
  net.mean->tensor().fill_(-1);
  net.factor->factor = 0.5;
  ASSERT_TRUE(save_state(*net.model, path_).ok());
  const at::Tensor held = other.weight->tensor();
  ASSERT_TRUE(load_state(*other.model, path_).ok());
  EXPECT_TRUE(at::equal(held, at::full({3, 2}, 3.0)));
  EXPECT_TRUE(at::equal(other.mean->tensor(), at::full({3}, -1.0)));
  EXPECT_EQ(other.factor->factor, 0.5);
}

TEST_F(StateFile, WhatDoesNotFitIsRefusedWhole) {
  Net net;
  ModelState state = get_state(*net.model);
  state.tensors["fc.weight"] = at::zeros({3, 2});
  state.tensors["fc.scale"] = at::zeros({2});
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("fc.scale"));
  EXPECT_TRUE(at::equal(net.weight->tensor(), at::ones({3, 2})));
  state = get_state(*net.model);
  state.tensors["more"] = at::zeros({2});
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("more"));
  state = get_state(*net.model);
  state.tensors.erase("bn.running_var");
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("bn.running_var"));
  state = get_state(*net.model);
  state.transforms.begin()->second = nlohmann::json::object();
  EXPECT_THAT(std::string(set_state(*net.model, state).message()), HasSubstr("factor"));
}

TEST_F(StateFile, TruncatedAndForeignFilesAreRefused) {
  Net net;
  ASSERT_TRUE(save_state(*net.model, path_).ok());
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_THAT(std::string(load_state(*net.model, path_).message()), HasSubstr("model.state is not a whole file"));
  std::ofstream(path_) << "hello";
  EXPECT_EQ(load_state(*net.model, path_).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(load_state(*net.model, path_ + ".none").code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(save_state(*net.model, ::testing::TempDir() + "/none/x").ok());
}

// A file of no tensors, with this text for its metadata.
std::string with_metadata(const std::string& text) {
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  dict.insert("__pare__", text);
  const std::vector<char> bytes = torch::jit::pickle_save(dict);
  return {bytes.begin(), bytes.end()};
}

TEST(Deserialize, MetadataThatPareDoesNotWriteAreRefused) {
  std::map<std::string, at::Tensor> tensors;
  nlohmann::json metadata;
  EXPECT_TRUE(deserialize(with_metadata("[[3]]"), "a.state", &tensors, &metadata).ok());
  EXPECT_EQ(metadata, nlohmann::json::parse("[[3]]"));
  const auto error_of = [&](const std::string& text) {
    const absl::Status status = deserialize(with_metadata(text), "a.state", &tensors, &metadata);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(error_of(""), HasSubstr("a.state: the part that only Pare writes (__pare__) is missing"));
  EXPECT_THAT(error_of("[3"), HasSubstr("(__pare__) is no JSON"));
  // Copying it would run out of stack.
  EXPECT_THAT(error_of(std::string(200'000, '[') + std::string(200'000, ']')), HasSubstr("nested deeper than"));
  EXPECT_EQ(metadata, nlohmann::json::parse("[[3]]")) << "what is refused leaves the last as it is";
}

TEST(Deserialize, AFileThatIsTooLargeForTheMemoryIsAnError) {
  constexpr size_t kCharacters = 1 << 20;
  const std::string bytes = serialize({}, {{"text", std::string(kCharacters, 'x')}}).value();
  std::map<std::string, at::Tensor> tensors;
  nlohmann::json metadata;
  absl::Status status;
  {
    const RefuseMemory refuse(kCharacters);
    status = deserialize(bytes, "a.state", &tensors, &metadata);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("a.state"));
  EXPECT_TRUE(deserialize(bytes, "a.state", &tensors, &metadata).ok());
}

TEST_F(StateFile, AMissingTransformIsNamed) {
  Net net;
  net.factor->factor = 0.5;
  ModelState state = get_state(*net.model);
  state.transforms.clear();
  const absl::Status status = set_state(*net.model, state);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("fc/pare::factor"));
}

TEST_F(StateFile, TransformsComeBackWhenTensorsFail) {
  Net net;
  ModelState state = get_state(*net.model);
  state.transforms.begin()->second = nlohmann::json{{"factor", 7}};
  // Of the right shape, and nothing to copy from.
  state.tensors["fc.weight"] = at::empty({3, 2}, at::TensorOptions().device(at::kMeta));
  EXPECT_FALSE(set_state(*net.model, state).ok());
  EXPECT_EQ(net.factor->factor, 1);
  EXPECT_TRUE(at::equal(net.weight->tensor(), at::ones({3, 2})));
}

TEST_F(StateFile, AnExceptionOfATransformIsAnError) {
  Net net;
  ModelState state = get_state(*net.model);
  state.transforms.begin()->second = nlohmann::json{{"factor", "seven"}};  // nlohmann throws
  EXPECT_FALSE(set_state(*net.model, state).ok());
}

}  // namespace
}  // namespace pare::graph
