// One suite for every backend that is linked: those of BUILD's deps, and any that another repository adds to them.

#include <string>

#include "backends/conformance/checks.h"
#include "backends/registry.h"
#include "gtest/gtest.h"

namespace pare::backends::conformance {
namespace {

class Conformance : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    table_ = (*find_backend(GetParam()))->float32(DeviceKind::kCpu);
    if (table_ == nullptr) GTEST_SKIP() << GetParam() << " has no kernels for host memory";
  }
  const KernelTable<float>* table_ = nullptr;
};

TEST_P(Conformance, FakeQuantizeForward) { check_fake_quantize_forward(*table_); }
TEST_P(Conformance, FakeQuantizeBackward) { check_fake_quantize_backward(*table_); }
TEST_P(Conformance, QuantizeToCodes) { check_quantize_to_codes(*table_); }
TEST_P(Conformance, MinMax) { check_min_max(*table_); }
TEST_P(Conformance, AbsMax) { check_abs_max(*table_); }
TEST_P(Conformance, Histogram) { check_histogram(*table_); }

INSTANTIATE_TEST_SUITE_P(Backends, Conformance, ::testing::ValuesIn(backend_names()),
                         [](const auto& info) { return info.param; });

// Registration at link time is what the suite above rests on.
TEST(Backends, AllThatAreLinkedSurvived) {
  EXPECT_TRUE(find_backend("cpu").ok()) << "the cpu backend was lost at link time";
}

}  // namespace
}  // namespace pare::backends::conformance
