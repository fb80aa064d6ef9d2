#include "backends/vulkan/pipeline_cache_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "base/atomic_file.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

class PipelineCacheFileTest : public ::testing::Test {
 protected:
  PipelineCacheFileTest() {
    device_.vendor_id = 1;
    device_.driver_version = 5;
    device_.pipeline_cache_uuid[3] = 9;
    path_ = pipeline_cache_path(folder_, device_);
  }
  DeviceSnapshot device_;
  const std::string folder_ = ::testing::TempDir() + "/not/there/yet";
  std::string path_;
  const std::string data_ = std::string("what\0the driver", 15) + std::string(1000, 'x');
};

TEST_F(PipelineCacheFileTest, KeepsWhatWasWrittenForThisDeviceAndDriver) {
  EXPECT_EQ(read_pipeline_cache(path_, device_), "");
  ASSERT_TRUE(write_pipeline_cache(path_, device_, data_));
  EXPECT_EQ(read_pipeline_cache(path_, device_), data_);
  DeviceSnapshot updated = device_;
  updated.driver_version = 6;
  EXPECT_NE(pipeline_cache_path(folder_, updated), path_);
  EXPECT_EQ(read_pipeline_cache(path_, updated), "") << "even under its name";
  DeviceSnapshot other = device_;
  other.pipeline_cache_uuid[3] = 8;
  EXPECT_EQ(read_pipeline_cache(path_, other), "");
}

TEST_F(PipelineCacheFileTest, AnyDamageIsAMiss) {
  ASSERT_TRUE(write_pipeline_cache(path_, device_, data_));
  const std::string good = *read_file(path_);
  for (size_t i = 0; i < good.size(); i += i < 120 ? 1 : 97) {
    std::string bad = good;
    bad[i] ^= 0x10;
    ASSERT_TRUE(write_file_atomically(path_, bad).ok());
    EXPECT_EQ(read_pipeline_cache(path_, device_), "") << "byte " << i;
    ASSERT_TRUE(write_file_atomically(path_, good.substr(0, i)).ok());
    EXPECT_EQ(read_pipeline_cache(path_, device_), "") << "cut at " << i;
  }
  ASSERT_TRUE(write_file_atomically(path_, good + "x").ok());
  EXPECT_EQ(read_pipeline_cache(path_, device_), "");
}

TEST_F(PipelineCacheFileTest, AFolderThatCannotBeIsNoFailure) {
  ASSERT_TRUE(write_file_atomically(::testing::TempDir() + "/file", "in the way").ok());
  EXPECT_FALSE(write_pipeline_cache(::testing::TempDir() + "/file/pare/x", device_, data_));
  EXPECT_EQ(read_pipeline_cache(::testing::TempDir() + "/file/pare/x", device_), "");
}

TEST_F(PipelineCacheFileTest, LiesInTheUsersCacheFolder) {
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  setenv("HOME", "/somewhere", 1);
  EXPECT_EQ(pipeline_cache_folder(), "/somewhere/pare");
  setenv("XDG_CACHE_HOME", "relative", 1);  // not to be used, says the XDG specification
  EXPECT_EQ(pipeline_cache_folder(), "/somewhere/.cache/pare");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  EXPECT_EQ(pipeline_cache_folder(), "");
}

}  // namespace
}  // namespace pare::backends::vulkan
