#include "base/test_folder.h"

#include <cstdio>
#include <cstdlib>

#include "gtest/gtest.h"

namespace pare {

std::string make_test_folder() {
  std::string path = ::testing::TempDir() + "/folder_XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    std::perror(path.c_str());
    std::abort();
  }
  return path;
}

}  // namespace pare
