#include "tools/bench/report.h"

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kSize = 4 << 20, kElements = 1 << 20;

Row row_of(const char* name, const char* variant, int64_t bytes, Yardstick yardstick) {
  return {.name = name, .variant = variant, .size = kSize, .bytes = bytes * kElements, .yardstick = yardstick};
}

// Two copies of 8 bytes an element, the faster in 2 s, a kernel of 12 in 4 s, another library's in 40 s and a size that
// it does not do, and a row on more threads.
Report small_report() {
  static const backends::KernelBackend backend{.name = "cpu"};
  const Subject one{.backend = &backend, .name = "cpu", .threads = 1};
  const Subject two{.backend = &backend, .name = "cpu", .threads = 2};
  Report report({{"processor", "fast one"}, {"cores", 2}});
  report.add(one, row_of("copy", "slow", 8, Yardstick::kNone), 3);
  report.add(one, row_of("copy", "fast", 8, Yardstick::kNone), 2);
  report.add(one, row_of("kernel", "fast", 12, Yardstick::kCopy), 4);
  Row other = row_of("other", "", 12, Yardstick::kOperation);
  other.compared_with = "kernel, fast";
  report.add(one, other, 40);
  other.size = 1 << 14;
  report.add_without_figure(one, other, "nobody waits so long");
  report.add(two, row_of("kernel", "fast", 12, Yardstick::kCopy), 1);
  return report;
}

TEST(Report, HoldsARowAgainstItsYardstick) {
  const nlohmann::ordered_json json = small_report().json(), rows = json["rows"];
  EXPECT_EQ(json["machine"]["processor"], "fast one");
  ASSERT_EQ(rows.size(), 5);
  EXPECT_FALSE(rows[0].contains("ratio"));
  EXPECT_EQ(rows[2]["ratio"], 0.75) << "12 bytes in 4 s against 8 bytes in 2 s";
  EXPECT_EQ(rows[2]["against"], "copy, fast");
  EXPECT_EQ(rows[3]["ratio"], 10) << "40 s against 4 s";
  EXPECT_FALSE(rows[4].contains("ratio")) << "there is no copy on two threads";
  ASSERT_EQ(json["without_figure"].size(), 1);
  EXPECT_EQ(json["without_figure"][0]["name"], "other");
  EXPECT_EQ(json["without_figure"][0]["reason"], "nobody waits so long");
}

TEST(Report, TheTableHasALineAKernel) {
  const std::string table = small_report().table();
  EXPECT_THAT(table, StartsWith("- processor: fast one\n- cores: 2\n"));
  EXPECT_THAT(table, HasSubstr("| kernel | against | 16 KiB, 1 thr. | 4 MiB, 1 thr. | 4 MiB, 2 thr. |\n"));
  EXPECT_THAT(table, HasSubstr("| copy, fast |  |  | 0.0 GB/s |  |\n"));
  EXPECT_THAT(table, HasSubstr("| kernel, fast | copy |  | 0.75 | 0.0 GB/s |\n"));
  EXPECT_THAT(table, HasSubstr("| other | kernel, fast | - | 10.0 times slower |  |\n"));
  EXPECT_THAT(table, HasSubstr("Not measured:\n\n- other, 16 KiB: nobody waits so long\n"));
}

// Two devices of one backend, even of one name, stay apart.
TEST(Report, DevicesOfOneBackendAreNotMixed) {
  static const backends::KernelBackend backend{.name = "vulkan"};
  Report report(nlohmann::ordered_json::object());
  for (const auto& [name, seconds] : {std::pair("vulkan:0", 1.0), std::pair("vulkan:1", 4.0)}) {
    const Subject subject{.backend = &backend, .name = name, .device = "Card"};
    report.add(subject, row_of("copy", "", 8, Yardstick::kNone), seconds);
    report.add(subject, row_of("kernel", "", 8, Yardstick::kCopy), 4);
  }
  const nlohmann::ordered_json rows = report.json()["rows"];
  EXPECT_EQ(rows[1]["ratio"], 0.25);
  EXPECT_EQ(rows[3]["ratio"], 1);
  const std::string table = report.table();
  EXPECT_THAT(table, HasSubstr("### vulkan:0, Card\n\n| kernel | against | 4 MiB |\n"));
  EXPECT_THAT(table, HasSubstr("| kernel | copy | 0.25 |\n"));
  EXPECT_THAT(table, HasSubstr("### vulkan:1, Card\n\n| kernel | against | 4 MiB |\n"));
  EXPECT_THAT(table, HasSubstr("| kernel | copy | 1.00 |\n"));
}

}  // namespace
}  // namespace pare::tools::bench
