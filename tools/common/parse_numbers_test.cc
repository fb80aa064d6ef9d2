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

}  // namespace
}  // namespace pare::tools
