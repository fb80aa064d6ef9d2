#include "distributed/rendezvous.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::optional<LaunchedProcess>> read(const std::map<std::string, std::string>& variables) {
  return launched_process([&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}

void expect_process(const std::map<std::string, std::string>& variables, const LaunchedProcess& expected) {
  const auto process = read(variables);
  ASSERT_TRUE(process.ok()) << process.status();
  ASSERT_TRUE(process->has_value());
  EXPECT_EQ((*process)->rank, expected.rank);
  EXPECT_EQ((*process)->size, expected.size);
  EXPECT_EQ((*process)->local_rank, expected.local_rank);
  EXPECT_EQ((*process)->address, expected.address);
  EXPECT_EQ((*process)->port, expected.port);
}

void expect_refused(const std::map<std::string, std::string>& variables, const std::string& message) {
  const auto process = read(variables);
  EXPECT_EQ(process.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(process.status().message()), HasSubstr(message));
}

TEST(LaunchedProcess, IsNoneWithoutALauncher) {
  const auto process = read({{"MASTER_ADDR", "here"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}});
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_FALSE(process->has_value());
}

TEST(LaunchedProcess, OfTorchrun) {
  expect_process(
      {{"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "node0"}, {"MASTER_PORT", "1234"}},
      {.rank = 5, .size = 8, .local_rank = 1, .address = "node0", .port = 1234});
  // It goes before what a scheduler around it says.
  expect_process({{"RANK", "1"},
                  {"WORLD_SIZE", "2"},
                  {"LOCAL_WORLD_SIZE", "2"},
                  {"SLURM_PROCID", "0"},
                  {"SLURM_STEP_NUM_TASKS", "1"}},
                 {.rank = 1, .size = 2, .address = "127.0.0.1", .port = 29500});
}

TEST(LaunchedProcess, OfTorchrunThatListensItself) {
  const auto process = read({{"RANK", "0"},
                             {"WORLD_SIZE", "2"},
                             {"MASTER_ADDR", "here"},
                             {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                             {"TORCHELASTIC_RESTART_COUNT", "3"}});
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_TRUE((*process)->is_served);
  EXPECT_EQ((*process)->prefix, "/worker/attempt_3");
  const auto own =
      read({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "here"}, {"TORCHELASTIC_USE_AGENT_STORE", "False"}});
  EXPECT_FALSE((*own)->is_served);
}

TEST(LaunchedProcess, OfMpi) {
  expect_process({{"OMPI_COMM_WORLD_RANK", "3"},
                  {"OMPI_COMM_WORLD_SIZE", "4"},
                  {"OMPI_COMM_WORLD_LOCAL_RANK", "3"},
                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"}},
                 {.rank = 3, .size = 4, .local_rank = 3, .address = "127.0.0.1", .port = 29500});
  expect_process({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "0"}, {"MASTER_ADDR", "10.0.0.1"}},
                 {.rank = 1, .size = 2, .local_rank = 0, .address = "10.0.0.1", .port = 29500});
}

// srun --mpi=pmi2 sets PMI's rank and size as well.
TEST(LaunchedProcess, OfSlurmWithAnMpisVariables) {
  expect_process({{"PMI_RANK", "2"},
                  {"PMI_SIZE", "4"},
                  {"SLURM_PROCID", "2"},
                  {"SLURM_STEP_NUM_TASKS", "4"},
                  {"SLURM_LOCALID", "2"},
                  {"SLURM_STEP_NUM_NODES", "1"}},
                 {.rank = 2, .size = 4, .local_rank = 2, .address = "127.0.0.1", .port = 29500});
}

TEST(LaunchedProcess, AWholeRowGoesBeforeHalfAnEarlierOne) {
  expect_process({{"WORLD_SIZE", "8"},
                  {"OMPI_COMM_WORLD_RANK", "1"},
                  {"OMPI_COMM_WORLD_SIZE", "2"},
                  {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                  {"TORCHELASTIC_USE_AGENT_STORE", "True"}},
                 {.rank = 1, .size = 2, .address = "127.0.0.1", .port = 29500});
}

TEST(LaunchedProcess, OfSlurm) {
  expect_process(
      {{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_LOCALID", "2"}, {"SLURM_STEP_NUM_NODES", "1"}},
      {.rank = 2, .size = 4, .local_rank = 2, .address = "127.0.0.1", .port = 29500});
  expect_refused({{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_STEP_NUM_NODES", "2"}},
                 "MASTER_ADDR is not set: srun has started 4 processes");
}

TEST(LaunchedProcess, RefusesWhatIsHalfOrNoNumber) {
  expect_refused({{"RANK", "0"}}, "WORLD_SIZE is missing beside RANK");
  expect_refused({{"WORLD_SIZE", "2"}}, "RANK is missing beside WORLD_SIZE");
  expect_refused({{"RANK", "two"}, {"WORLD_SIZE", "2"}}, "RANK is 'two', but must be a number from 0 to 1");
  expect_refused({{"RANK", "2"}, {"WORLD_SIZE", "2"}}, "RANK is '2', but must be a number from 0 to 1");
  expect_refused({{"RANK", "0"}, {"WORLD_SIZE", "0"}}, "WORLD_SIZE is '0'");
  expect_refused({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "70000"}}, "MASTER_PORT is '70000'");
  expect_refused({{"RANK", "0"}, {"WORLD_SIZE", "2"}}, "MASTER_ADDR is not set: torchrun has started 2");
}

}  // namespace
}  // namespace pare
