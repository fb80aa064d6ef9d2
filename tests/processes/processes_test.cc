// Training in several processes: what comes out is what one process makes of the same batches, for every method.

#include <stdlib.h>

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/test_folder.h"
#include "distributed/launch.h"
#include "distributed/testing.h"
#include "graph/state.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/processes/methods.h"

namespace pare::tests {
namespace {

std::string program(const std::string& name) {
  return absl::StrCat(std::getenv("TEST_SRCDIR"), "/", std::getenv("TEST_WORKSPACE"), "/", name);
}

struct Trained {
  std::map<std::string, at::Tensor> tensors;
  nlohmann::json measured;
};

Trained read(const std::string& folder, const std::string& method) {
  Trained trained;
  const std::string state = absl::StrCat(folder, "/", method, ".state");
  nlohmann::json metadata;
  const absl::Status status = graph::deserialize(read_file(state).value_or(""), state, &trained.tensors, &metadata);
  EXPECT_TRUE(status.ok()) << status;
  trained.measured = nlohmann::json::parse(read_file(absl::StrCat(folder, "/", method, ".json")).value_or("{}"));
  return trained;
}

void compare(const Trained& one, const Trained& several, const Method& method, int processes) {
  const std::string where = absl::StrCat(method.name, ", ", processes, " processes");
  ASSERT_EQ(several.tensors.size(), one.tensors.size()) << where;
  double furthest = 0.0;
  for (const auto& [name, tensor] : one.tensors) {
    ASSERT_EQ(several.tensors.count(name), 1) << where << " " << name;
    const at::Tensor expected = tensor.to(c10::kDouble), found = several.tensors.at(name).to(c10::kDouble);
    ASSERT_EQ(found.sizes(), expected.sizes()) << where << " " << name;
    if (expected.numel() == 0) continue;
    // What has hardly moved from zero is compared with what the others have moved by.
    const double scale = std::max(expected.abs().max().item<double>(), 1e-2);
    const double difference = found.sub(expected).abs().max().item<double>() / scale;
    furthest = std::max(furthest, difference);
    EXPECT_LE(difference, method.tolerance) << where << " " << name;
  }
  const auto& expected = one.measured["losses"];
  const auto& losses = several.measured["losses"];
  ASSERT_EQ(losses.size(), 12) << where;
  for (size_t i = 0; i < losses.size(); ++i) {
    const double loss = expected[i].get<double>();
    EXPECT_NEAR(losses[i].get<double>(), loss, std::max(method.tolerance * 10, 1e-5) * std::abs(loss))
        << where << " " << i;
  }
  EXPECT_EQ(several.measured["total"], 30) << where;
  EXPECT_NEAR(several.measured["correct"].get<double>(), one.measured["correct"].get<double>(), 1) << where;
  ::testing::Test::RecordProperty(absl::StrCat(method.name, "_", processes), absl::StrCat(furthest));
  std::cout << where << ": weights are apart by at most " << furthest << " of the greatest\n";
}

TEST(Processes, TwoAndFourTrainTheModelThatOneTrains) {
  if (const absl::Status available = processes_are_available(); absl::IsUnimplemented(available)) {
    GTEST_SKIP() << available.message();
  }
  setenv("OMP_NUM_THREADS", "1", 1);
  std::map<int, std::string> folders;
  for (const int processes : {1, 2, 4}) {
    folders[processes] = make_test_folder();
    const absl::StatusOr<int> code =
        launch({.command = {program("tests/processes/worker"), folders[processes]}, .processes = processes});
    ASSERT_TRUE(code.ok()) << code.status();
    ASSERT_EQ(*code, 0) << processes << " processes";
  }
  for (const Method& method : kMethods) {
    const Trained one = read(folders[1], method.name);
    ASSERT_FALSE(one.tensors.empty()) << method.name;
    for (const int processes : {2, 4}) compare(one, read(folders[processes], method.name), method, processes);
  }
}

}  // namespace
}  // namespace pare::tests
