#include "tools/bench/options.h"

#include <cmath>
#include <limits>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void expect_refused(const Flags& flags, const std::string& message) {
  const auto options = check_flags(flags);
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << message;
  EXPECT_THAT(std::string(options.status().message()), HasSubstr(message));
}

TEST(CheckFlags, WithoutAnyAllIsMeasured) {
  const auto options = check_flags({});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->backends, ElementsAre("cpu"));
  EXPECT_THAT(options->sizes, ElementsAre(64 << 10, 1 << 20, 4 << 20, 64 << 20, 256 << 20));
  EXPECT_EQ(options->threads.front(), 1);
  EXPECT_EQ(options->threads.back(), std::thread::hardware_concurrency());
}

TEST(CheckFlags, EachSizeAndNumberOfThreadsOnce) {
  const auto options = check_flags({.sizes_kib = {"4", "8", "4"}, .threads = {"3", "3", "2"}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->sizes, ElementsAre(4096, 8192));
  EXPECT_THAT(options->threads, ElementsAre(3, 2));
}

TEST(CheckFlags, TheCommandMeasuresTheSameAgain) {
  const auto options = check_flags({.backends = {"cpu", "vulkan:1"},
                                    .sizes_kib = {"64"},
                                    .threads = {"2"},
                                    .filter = "min_max|it's",
                                    .output_dir = "secret"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->command,
            "bazel run //tools/bench -- --backends=cpu,vulkan:1 --sizes_kib=64 --threads=2 --filter='min_max|it'\\''s' "
            "--repetitions=5 --min_time=0.02 --caching_allocator=true");
}

TEST(CheckFlags, WhatCannotBeIsRefusedWithItsFlag) {
  expect_refused({.words = {"cpu"}}, "what is 'cpu'?");
  expect_refused({.backends = {}}, "--backends");
  expect_refused({.backends = {"cpu", ""}}, "--backends");
  expect_refused({.sizes_kib = {}}, "--sizes_kib");
  for (const char* size : {"16k", "0", "-4", "1.5", "99999999999999999999"}) {
    expect_refused({.sizes_kib = {"4", size}}, std::string("--sizes_kib: '") + size + "' is no whole number");
  }
  expect_refused({.threads = {"two"}}, "--threads: 'two'");
  expect_refused({.threads = {"-1"}}, "--threads: '-1'");
  expect_refused({.threads = {"1000000"}}, "--threads: '1000000'");
  expect_refused({.filter = "min_max("}, "--filter: 'min_max('");
  expect_refused({.repetitions = 0}, "--repetitions is 0");
  expect_refused({.repetitions = -1}, "--repetitions is -1");
  for (const double time : {0.0, -0.1, 1e9, std::nan(""), std::numeric_limits<double>::infinity()}) {
    expect_refused({.min_time = time}, "--min_time is");
  }
}

}  // namespace
}  // namespace pare::tools::bench
