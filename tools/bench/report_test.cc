#include "tools/bench/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools::bench {
namespace {

using ::testing::HasSubstr;

// A copy of 8 bytes an element in 2 s, a kernel of 12 in 4 s, another library's in 40 s, and a row on more threads.
Report small_report() {
  static const backends::KernelBackend backend{.name = "cpu"};
  Subject one{.backend = &backend, .threads = 1}, two{.backend = &backend, .threads = 2};
  constexpr int64_t kElements = 1 << 20;
  Report report;
  report.add(one, {.name = "copy", .elements = kElements, .bytes = 8 * kElements}, 2);
  report.add(one,
             {.name = "kernel",
              .variant = "fast",
              .elements = kElements,
              .bytes = 12 * kElements,
              .yardstick = Yardstick::kCopy},
             4);
  report.add(one,
             {.name = "other",
              .elements = kElements,
              .bytes = 12 * kElements,
              .yardstick = Yardstick::kKernel,
              .compared_with = "kernel, fast"},
             40);
  report.add(two, {.name = "kernel", .elements = kElements, .bytes = 12 * kElements, .yardstick = Yardstick::kCopy}, 1);
  return report;
}

TEST(Report, HoldsARowAgainstItsYardstick) {
  const nlohmann::json rows = small_report().json({{"processor", "fast one"}})["rows"];
  ASSERT_EQ(rows.size(), 4);
  EXPECT_FALSE(rows[0].contains("ratio"));
  EXPECT_EQ(rows[1]["ratio"], 0.75) << "12 bytes in 4 s against 8 bytes in 2 s";
  EXPECT_EQ(rows[1]["against"], "copy");
  EXPECT_EQ(rows[2]["ratio"], 10) << "40 s against 4 s";
  EXPECT_FALSE(rows[3].contains("ratio")) << "there is no copy on two threads";
}

TEST(Report, TheTableHasALineAKernel) {
  const std::string table = small_report().table({{"processor", "fast one"}});
  EXPECT_THAT(table, HasSubstr("- processor: fast one\n"));
  EXPECT_THAT(table, HasSubstr("| kernel | against | 4 MiB, 1 thr. | 4 MiB, 2 thr. |\n"));
  EXPECT_THAT(table, HasSubstr("| kernel, fast | copy | 0.75 |  |\n"));
  EXPECT_THAT(table, HasSubstr("| other | kernel, fast | 10.0 times slower |  |\n"));
}

}  // namespace
}  // namespace pare::tools::bench
