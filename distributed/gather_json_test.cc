#include "distributed/gather_json.h"

#include <string>

#include "distributed/testing.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(GatherJson, GivesEveryonesByRank) {
  run_in_threads(3, [](ProcessGroup& group) {
    const nlohmann::json mine = {
        {"rank", group.rank()}, {"text", std::string(group.rank() * 100, 'x')}, {"third", 1.0 / 3}};
    const auto everyones = gather_json(group, mine);
    ASSERT_TRUE(everyones.ok()) << everyones.status();
    ASSERT_EQ(everyones->size(), 3);
    EXPECT_EQ((*everyones)[group.rank()], mine);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ((*everyones)[i]["rank"], i);
      EXPECT_EQ((*everyones)[i]["third"].get<double>(), 1.0 / 3);
    }
  });
}

}  // namespace
}  // namespace pare
