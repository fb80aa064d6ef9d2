#include "graph/allowed_operators.h"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/ir/irparser.h>
#include <torch/csrc/jit/runtime/operator.h>
#include <torch/library.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "graph/import.h"

namespace pare::graph {
namespace {

TORCH_LIBRARY(allowed_operators_test, library) {
  library.def("twice", [](const at::Tensor& x) { return x * 2; });
  library.def("thrice", [](const at::Tensor& x) { return x * 3; });
}

// A file whose forward() has this body.
std::string file_with(const std::string& body, const std::string& more = "") {
  torch::jit::Module module("Net");
  module.register_parameter("w", at::ones({2}), false);
  module.define("def forward(self, x):\n" + body + "\n" + more);
  const std::string path = ::testing::TempDir() + "/program.pt";
  module.save(path);
  return path;
}

absl::Status opened(const std::string& path) { return import_torchscript(path, {}).status(); }

std::string secret() { return ::testing::TempDir() + "/written_by_a_model"; }

TEST(AllowedOperatorsTest, TheListIsSortedAndHasWhatNetworksUse) {
  const auto list = operators_allowed_by_default();
  EXPECT_TRUE(std::is_sorted(list.begin(), list.end()));
  EXPECT_EQ(std::set<std::string_view>(list.begin(), list.end()).size(), list.size());
  for (const char* name : {"aten::_convolution", "aten::batch_norm", "aten::relu_", "aten::lstm", "aten::layer_norm",
                           "aten::fake_quantize_per_channel_affine", "aten::fake_quantize_per_tensor_affine",
                           "aten::embedding", "aten::scaled_dot_product_attention", "prim::NumToTensor"}) {
    EXPECT_TRUE(is_allowed_operator(name)) << name;
  }
}

TEST(AllowedOperatorsTest, NothingOnTheListIsKnownToReachOut) {
  for (const char* name : {"aten::from_file", "aten::save", "aten::manual_seed", "aten::set_", "aten::resize_",
                           "aten::_sparse_coo_tensor_unsafe", "prim::fork", "aten::wait", "prim::rpc_async",
                           "prim::PythonOp", "quantized::linear_unpack", "c10d::allreduce_", "aten::ctc_loss"}) {
    EXPECT_FALSE(is_allowed_operator(name)) << name;
  }
  // What LibTorch itself marks as having effects: of such operators, messages alone are on the list.
  for (const auto& op : torch::jit::getAllOperators()) {
    const std::string name = op->schema().name();
    if (op->aliasAnalysisKind() != c10::AliasAnalysisKind::CONSERVATIVE || !is_allowed_operator(name)) continue;
    EXPECT_EQ(name.rfind("aten::", 0) == 0 || name.rfind("prim::", 0) == 0, true) << name;
  }
}

TEST(AllowedOperatorsTest, AFileCannotWriteFiles) {
  std::filesystem::remove(secret());
  const absl::Status status = opened(file_with("    torch.save([1], \"" + secret() + "\")\n    return x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(status.message()).find("aten::save"), std::string::npos) << status;
  EXPECT_NE(std::string(status.message()).find("program.pt"), std::string::npos) << status;
  EXPECT_FALSE(std::filesystem::exists(secret()));
}

TEST(AllowedOperatorsTest, AFileCannotReadFiles) {
  const absl::Status status = opened(file_with("    return x + torch.from_file(\"/etc/passwd\", False, 4)"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(status.message()).find("aten::from_file"), std::string::npos) << status;
}

TEST(AllowedOperatorsTest, AFileCannotChangeTheProcess) {
  for (const char* statement : {"torch.manual_seed(1)", "torch.set_grad_enabled(False)"}) {
    EXPECT_EQ(opened(file_with("    " + std::string(statement) + "\n    return x")).code(),
              absl::StatusCode::kUnimplemented)
        << statement;
  }
}

TEST(AllowedOperatorsTest, NothingIsExecutedWhileAFileIsOpened) {
  std::filesystem::remove(secret());
  const absl::Status status = opened(file_with("    return x + self.w",
                                               "def __getstate__(self):\n    return 1\n"
                                               "def __setstate__(self, state: int):\n"
                                               "    torch.save([1], \"" +
                                                   secret() + "\")\n"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(status.message()).find("__setstate__"), std::string::npos) << status;
  EXPECT_FALSE(std::filesystem::exists(secret()));
}

TEST(AllowedOperatorsTest, MessagesAreNeverPrinted) {
  ::testing::internal::CaptureStdout();
  EXPECT_TRUE(opened(file_with("    print(\"hello\")\n    return x + self.w")).ok());
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

TEST(AllowedOperatorsTest, AnOperatorOfAnotherLibraryIsAllowedByTheProgram) {
  // TorchScript compiled in C++ cannot name such an operator; a file can.
  torch::jit::Module module("Net");
  auto graph = std::make_shared<torch::jit::Graph>();
  torch::jit::parseIR("graph(%x : Tensor):\n  %y : Tensor = allowed_operators_test::twice(%x)\n  return (%y)",
                      graph.get());
  graph->insertInput(0, "self")->setType(module.type());
  module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*module.type()->name(), "forward"), graph));
  const std::string path = ::testing::TempDir() + "/program.pt";
  module.save(path);
  const absl::Status refused = opened(path);
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(refused.message()).find("allow_operators({\"allowed_operators_test::twice\"})"),
            std::string::npos)
      << refused;
  allow_operators({"allowed_operators_test::twice"});
  const auto model = import_torchscript(path, {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->forward_tensor({at::ones({2})})->sum().item<double>(), 4);
  EXPECT_FALSE(is_allowed_operator("allowed_operators_test::thrice"));
}

}  // namespace
}  // namespace pare::graph
