// bazel/precompiled/test_headers.h: what most tests over LibTorch include; see bazel/precompiled_header.bzl. Each file
// still includes what it uses: builds without precompiled headers are built, too.

#ifndef PARE_BAZEL_PRECOMPILED_TEST_HEADERS_H_
#define PARE_BAZEL_PRECOMPILED_TEST_HEADERS_H_

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#endif  // PARE_BAZEL_PRECOMPILED_TEST_HEADERS_H_
