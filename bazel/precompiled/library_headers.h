// bazel/precompiled/library_headers.h: what most libraries over LibTorch include; see bazel/precompiled_header.bzl.
// Each file still includes what it uses: builds without precompiled headers are built, too.

#ifndef PARE_BAZEL_PRECOMPILED_LIBRARY_HEADERS_H_
#define PARE_BAZEL_PRECOMPILED_LIBRARY_HEADERS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

#endif  // PARE_BAZEL_PRECOMPILED_LIBRARY_HEADERS_H_
