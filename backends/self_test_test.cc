#include "backends/self_test.h"

#include <string>

#include "backends/all_backends.h"
#include "backends/reference/backend.h"
#include "backends/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

TEST(SelfTest, EveryBackendThatRunsHerePasses) {
  ASSERT_TRUE(register_all_backends().ok());
  for (const std::string& name : backend_names()) {
    const KernelBackend& backend = **find_backend(name);
    const absl::Status status = self_test(backend, {});
    if (backend.table<float>(backend.device_kind) == nullptr) {
      EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << name;
    } else {
      EXPECT_TRUE(status.ok()) << name << ": " << status;
    }
  }
}

// As the reference, but for the last element.
absl::Status forgetting_the_last(const Execution& execution, const Layout& layout, const float* x,
                                 const QuantizationGrid& grid, float* y) {
  return reference_kernels<float>().fake_quantize_forward(execution, Layout::per_tensor(layout.size() - 1), x, grid, y);
}

TEST(SelfTest, AFaultIsFound) {
  static const KernelTable<float> table = {.fake_quantize_forward = forgetting_the_last};
  const KernelBackend backend{.name = "faulty", .float32 = [](DeviceKind) { return &table; }};
  const absl::Status status = self_test(backend, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("fake_quantize_forward: y[100002]"));
}

TEST(SelfTest, MeasuresTheMemory) {
  const KernelBackend backend{.name = "host", .float32 = [](DeviceKind) { return &reference_kernels<float>(); }};
  const auto bandwidth = measure_bandwidth(backend, {});
  ASSERT_TRUE(bandwidth.ok());
  EXPECT_GT(bandwidth->copy, 0);
  EXPECT_EQ(bandwidth->to_device, 0);
}

}  // namespace
}  // namespace pare::backends
