#include "tools/common/parse_numbers.h"

#include <gtest/gtest.h>

namespace pare::tools {
namespace {

TEST(ParseNumbers, ReadsEachWord) {
  EXPECT_EQ(parse_numbers("mean", {"0.5", "-2", "1e-3"}).value(), (std::vector<double>{0.5, -2, 1e-3}));
  EXPECT_TRUE(parse_numbers("mean", {})->empty());
}

TEST(ParseNumbers, RefusesWhatIsNoFiniteNumberAndNamesTheFlag) {
  for (const char* word : {"", "half", "0.5x", "nan", "inf"}) {
    const auto numbers = parse_numbers("std", {"0.5", word});
    EXPECT_EQ(numbers.status().code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_NE(numbers.status().message().find("--std"), std::string::npos) << numbers.status();
  }
}

TEST(ParseIntegers, ReadsEachWord) {
  EXPECT_EQ(parse_integers("threads", {"1", "0", "64"}, 0, 64).value(), (std::vector<int64_t>{1, 0, 64}));
  EXPECT_EQ(parse_integers("shift", {"-3"}, -5, 5).value(), std::vector<int64_t>{-3});
  EXPECT_TRUE(parse_integers("threads", {}, 0, 64)->empty());
}

TEST(ParseIntegers, RefusesWhatIsNoneOrOutsideAndNamesTheFlag) {
  for (const char* word : {"", "one", "16k", "0x10", "1.5", "1e3", "0", "65", "-1", "99999999999999999999"}) {
    const auto numbers = parse_integers("sizes", {"5", word}, 1, 64);
    EXPECT_EQ(numbers.status().code(), absl::StatusCode::kInvalidArgument) << word;
    EXPECT_EQ(numbers.status().message(), std::string("--sizes: '") + word + "' is no whole number from 1 to 64");
  }
}

}  // namespace
}  // namespace pare::tools
