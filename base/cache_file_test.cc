#include "base/cache_file.h"

#include <cstdlib>
#include <string>

#include "base/atomic_file.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

class CacheFileTest : public ::testing::Test {
 protected:
  const std::string folder_ = ::testing::TempDir() + "/not/there/yet";
  const std::string identity_ = std::string("device\0 5", 9);
  const std::string path_ = cache_path(folder_, "kernels", identity_);
  const std::string data_ = std::string("what\0the driver", 15) + std::string(1000, 'x');
};

TEST_F(CacheFileTest, KeepsWhatWasWrittenForThisIdentity) {
  EXPECT_EQ(read_cache(path_, identity_), "");
  ASSERT_TRUE(write_cache(path_, identity_, data_));
  EXPECT_EQ(read_cache(path_, identity_), data_);
  const std::string updated = std::string("device\0 6", 9);
  EXPECT_NE(cache_path(folder_, "kernels", updated), path_);
  EXPECT_NE(cache_path(folder_, "others", identity_), path_);
  EXPECT_EQ(read_cache(path_, updated), "") << "even under its name";
  EXPECT_EQ(read_cache(path_, identity_ + "x"), "");
}

TEST_F(CacheFileTest, AnyDamageIsAMiss) {
  ASSERT_TRUE(write_cache(path_, identity_, data_));
  const std::string good = *read_file(path_);
  for (size_t i = 0; i < good.size(); i += i < 120 ? 1 : 97) {
    std::string bad = good;
    bad[i] ^= 0x10;
    ASSERT_TRUE(write_file_atomically(path_, bad).ok());
    EXPECT_EQ(read_cache(path_, identity_), "") << "byte " << i;
    ASSERT_TRUE(write_file_atomically(path_, good.substr(0, i)).ok());
    EXPECT_EQ(read_cache(path_, identity_), "") << "cut at " << i;
  }
  ASSERT_TRUE(write_file_atomically(path_, good + "x").ok());
  EXPECT_EQ(read_cache(path_, identity_), "");
}

TEST_F(CacheFileTest, AFolderThatCannotBeIsNoFailure) {
  ASSERT_TRUE(write_file_atomically(::testing::TempDir() + "/file", "in the way").ok());
  EXPECT_FALSE(write_cache(::testing::TempDir() + "/file/pare/x", identity_, data_));
  EXPECT_EQ(read_cache(::testing::TempDir() + "/file/pare/x", identity_), "");
}

TEST_F(CacheFileTest, LiesInTheUsersCacheFolder) {
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  setenv("HOME", "/somewhere", 1);
  EXPECT_EQ(cache_folder(), "/somewhere/pare");
  setenv("XDG_CACHE_HOME", "relative", 1);  // not to be used, says the XDG specification
  EXPECT_EQ(cache_folder(), "/somewhere/.cache/pare");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  EXPECT_EQ(cache_folder(), "");
}

}  // namespace
}  // namespace pare
