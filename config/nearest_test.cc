#include "config/nearest.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Nearest, Distances) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("power", "power"), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);  // k->s, e->i, +g
  EXPECT_EQ(edit_distance("powr", "power"), 1);
  EXPECT_EQ(edit_distance("pwoer", "power"), 1);  // a swap
  EXPECT_EQ(edit_distance("ca", "abc"), 3);       // the restricted distance: a swapped pair is not edited again
}

TEST(Nearest, SpellingOfCaseAndUnderscoresDoesNotCount) {
  EXPECT_EQ(edit_distance("targetDevice", "target_device"), 0);
  EXPECT_EQ(edit_distance("TARGET-DEVICE", "target_device"), 0);
}

TEST(Nearest, OrderedByDistanceThenAlphabet) {
  const std::vector<std::string> candidates = {"bits", "bit", "bots", "signed"};
  EXPECT_THAT(nearest_names("bits", candidates, 1, 9), ElementsAre("bits", "bit", "bots"));
  EXPECT_THAT(nearest_names("bits", candidates, 1, 2), ElementsAre("bits", "bit"));
  EXPECT_THAT(nearest_names("zzzzzz", candidates, 2, 9), IsEmpty());
}

TEST(Nearest, Suggestions) {
  EXPECT_EQ(suggestion("powr", {"power", "concave"}), "; did you mean \"power\"?");
  EXPECT_EQ(suggestion("unrelated_thing", {"power", "concave"}), "; known are: power, concave");
  EXPECT_EQ(suggestion("powr", {}), "");
  EXPECT_EQ(suggestion("0123456789", std::vector<std::string>(13, "x")),
            "; known are: x, x, x, x, x, x, x, x, x, x, x, x, ...");
}

TEST(Nearest, LongStringsAreCheapAndShownCut) {
  const std::string huge(50'000'000, 'a');
  EXPECT_EQ(nearest(huge, {"power"}), "");
  EXPECT_EQ(quote(huge), "\"" + std::string(100, 'a') + "...\"");
  EXPECT_EQ(quote(std::string(99, 'a') + "\u00e4b"), "\"" + std::string(99, 'a') + "...\"");
}

}  // namespace
}  // namespace pare::config
