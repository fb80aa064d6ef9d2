#include "base/load_torchscript.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/operator_new_testing.h"
#include "base/test_folder.h"

namespace pare {
namespace {

class LoadTorchScript : public ::testing::Test {
 protected:
  // A module whose code is longer than `characters`.
  void save(size_t characters) {
    torch::jit::Module module("Net");
    module.register_parameter("w", at::zeros({2, 2}), false);
    module.define("def forward(self, x):\n    return x + self.w\n\ndef name(self):\n    return \"" +
                  std::string(characters, 'n') + "\"\n");
    module.save(path_);
  }
  const std::string path_ = make_test_folder() + "/net.pt";
};

TEST_F(LoadTorchScript, OpensWhatLibTorchWrote) {
  save(8);
  const auto module = load_torchscript(path_);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_TRUE(module->hasattr("w"));
}

TEST_F(LoadTorchScript, WhatCannotBeOpenedSaysWhy) {
  EXPECT_EQ(load_torchscript(path_).status().code(), absl::StatusCode::kNotFound);
  std::ofstream(path_) << "no module";
  EXPECT_EQ(load_torchscript(path_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LoadTorchScript, AFileThatIsTooLargeForTheMemoryIsAnError) {
  constexpr size_t kCharacters = 1 << 20;
  save(kCharacters);
  ASSERT_TRUE(load_torchscript(path_).ok());
  absl::Status status;
  {
    const RefuseMemory refuse(kCharacters);
    status = load_torchscript(path_).status();
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_NE(status.message().find(path_), std::string::npos) << status;
}

}  // namespace
}  // namespace pare
