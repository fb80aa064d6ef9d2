#include "tools/train/training_settings.h"

#include "base/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::tools {
namespace {

TEST(ModelIdentity, IsTheContentOfAFileAndNotItsName) {
  const std::string folder = ::testing::TempDir();
  ASSERT_TRUE(write_file_atomically(folder + "/a.pt", "same").ok());
  ASSERT_TRUE(write_file_atomically(folder + "/b.pt", "same").ok());
  ASSERT_TRUE(write_file_atomically(folder + "/c.pt", "other").ok());
  EXPECT_EQ(*model_identity(folder + "/a.pt"), *model_identity(folder + "/./b.pt"));
  EXPECT_NE(*model_identity(folder + "/a.pt"), *model_identity(folder + "/c.pt"));
  EXPECT_EQ(*model_identity("resnet20"), "resnet20");
  EXPECT_EQ(model_identity(folder + "/none.pt").status().code(), absl::StatusCode::kNotFound);
}

TEST(DataIdentity, TellsSetsAndNormalizationsApart) {
  const auto of = [](const DataSource& source) {
    return *data_identity(source, **open_dataset(source, data::Split::kTest));
  };
  const DataSource source{.name = "procedural"};
  EXPECT_EQ(of(source), of(source));
  EXPECT_EQ(of(source).at("images"), 2000);
  EXPECT_NE(of({.name = "procedural", .seed = 1}), of(source));
  EXPECT_NE(of({.name = "procedural", .mean = {0.5, 0.5, 0.4}, .stddev = {1, 1, 1}}), of(source));
}

}  // namespace
}  // namespace pare::tools
