// One suite for every backend of the build (--//backends:enabled), and any that another repository adds to BUILD's
// deps. With PARE_VULKAN_VALIDATION=1 a Vulkan device's validation layer listens, and all that it says is a failure.

#include <string>

#include "backends/all_backends.h"
#include "backends/conformance/checks.h"
#include "backends/registry.h"
#include "backends/vulkan/device.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

// Before the suite asks for the names.
const bool registered = register_all_backends().ok();

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  void TearDown() override {
    for (const std::string& message : vulkan::take_validation_messages()) ADD_FAILURE() << message;
  }

  // Calls check(table) with the backend's kernels for host memory, for each type of tensor that it has.
  template <typename Check>
  void for_each_type(const Check& check) {
    const KernelBackend& backend = **find_backend(GetParam());
    if (backend.table<float>(DeviceKind::kCpu) == nullptr) {
      GTEST_SKIP() << GetParam() << " has no kernels for host memory here";
    }
    check(*backend.table<float>(DeviceKind::kCpu));
    if (const auto* table = backend.table<Half>(DeviceKind::kCpu)) {
      SCOPED_TRACE("Half");
      check(*table);
    }
    if (const auto* table = backend.table<BFloat16>(DeviceKind::kCpu)) {
      SCOPED_TRACE("BFloat16");
      check(*table);
    }
  }
};

#define PARE_CONFORMANCE_TEST(name, check)                  \
  TEST_P(Conformance, name) {                               \
    for_each_type([](const auto& table) { check(table); }); \
  }
PARE_FOR_EACH_CONFORMANCE_CHECK(PARE_CONFORMANCE_TEST)

INSTANTIATE_TEST_SUITE_P(Backends, Conformance, ::testing::ValuesIn(backend_names()),
                         [](const auto& info) { return info.param; });

TEST(Backends, AreRegistered) { EXPECT_TRUE(registered); }

}  // namespace
}  // namespace pare::backends::conformance
