// What several processes do beside training a model: decide together, keep statistics of their own, and end together.

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <stdlib.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "distributed/launch.h"
#include "distributed/testing.h"
#include "gmock/gmock.h"
#include "graph/state.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pare::tests {
namespace {

using ::testing::HasSubstr;

class Scenarios : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const absl::Status available = processes_are_available(); absl::IsUnimplemented(available)) {
      GTEST_SKIP() << available.message();
    }
    setenv("OMP_NUM_THREADS", "1", 1);
  }

  // Returns the folder that the processes wrote to.
  static std::string run(const std::string& name, int processes, bool is_to_end_well = true) {
    const std::string folder = make_test_folder();
    const std::string worker =
        absl::StrCat(std::getenv("TEST_SRCDIR"), "/", std::getenv("TEST_WORKSPACE"), "/tests/processes/worker");
    const absl::StatusOr<int> code =
        launch({.command = {worker, folder, absl::StrCat("scenario:", name)}, .processes = processes});
    EXPECT_TRUE(code.ok()) << code.status();
    EXPECT_EQ(code.value_or(0) == 0, is_to_end_well) << name << ", " << processes << " processes";
    return folder;
  }
  static nlohmann::json seen_by(int rank, const std::string& folder) {
    return nlohmann::json::parse(read_file(absl::StrCat(folder, "/", rank, ".json")).value_or("{}"));
  }
  static std::map<std::string, at::Tensor> model_of(int rank, const std::string& folder) {
    const std::string path = absl::StrCat(folder, "/", rank, ".state");
    std::map<std::string, at::Tensor> tensors;
    nlohmann::json metadata;
    const absl::Status status = graph::deserialize(read_file(path).value_or(""), path, &tensors, &metadata);
    EXPECT_TRUE(status.ok()) << status;
    return tensors;
  }
};

TEST_F(Scenarios, AccuracyAwareTrainingDecidesAsProcessZeroDoes) {
  const std::string alone = run("accuracy_aware", 1), together = run("accuracy_aware", 2);
  const nlohmann::json expected = seen_by(0, alone);
  EXPECT_EQ(expected["error"], "OK");
  EXPECT_TRUE(expected["is_budget_met"].get<bool>());
  // A half is the most that the metric allows, from 0.6 downwards in ever smaller steps.
  EXPECT_GT(expected["rate"].get<double>(), 0.3);
  EXPECT_LE(expected["rate"].get<double>(), 0.5);
  for (const int rank : {0, 1}) EXPECT_EQ(seen_by(rank, together), expected) << rank;
  const auto one = model_of(0, alone), first = model_of(0, together), second = model_of(1, together);
  ASSERT_FALSE(one.empty());
  for (const auto& [name, tensor] : one) {
    EXPECT_TRUE(at::equal(first.at(name), second.at(name))) << name;
    EXPECT_TRUE(at::allclose(first.at(name), tensor, 1e-4, 1e-5)) << name;
  }
}

TEST_F(Scenarios, WithoutSynchronizedBatchNormsRunningStatisticsAreAveraged) {
  const std::string alone = run("own_statistics", 1), together = run("own_statistics", 2);
  const auto one = model_of(0, alone), first = model_of(0, together), second = model_of(1, together);
  ASSERT_FALSE(one.empty());
  for (const auto& [name, tensor] : first) EXPECT_TRUE(at::equal(tensor, second.at(name))) << name;
  // The mean of two parts' means is nearly that of the whole; of variances it is not, which lack what lies between the
  // parts: that would be so with synchronized ones.
  const at::Tensor mean = first.at("bn1.running_mean"), variance = first.at("bn1.running_var");
  EXPECT_TRUE(at::allclose(mean, one.at("bn1.running_mean"), 5e-2, 5e-3)) << mean << one.at("bn1.running_mean");
  EXPECT_TRUE(at::allclose(variance, one.at("bn1.running_var"), 0.2)) << variance << one.at("bn1.running_var");
  EXPECT_FALSE(at::allclose(variance, one.at("bn1.running_var"), 1e-5));
}

TEST_F(Scenarios, ALoaderThatFailsInOneProcessEndsAll) {
  const std::string folder = run("broken_loader", 2, /*is_to_end_well=*/false);
  EXPECT_THAT(seen_by(1, folder)["error"].get<std::string>(), HasSubstr("picture 7 is damaged"));
  // Process 0 was in the midst of an exchange, and says so unless it was ended before it could.
  const nlohmann::json first = seen_by(0, folder);
  if (first.contains("error")) {
    EXPECT_THAT(first["error"].get<std::string>(), HasSubstr("UNAVAILABLE"));
  }
}

}  // namespace
}  // namespace pare::tests
