#include "backends/choice.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "backends/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends {
namespace {

using ::testing::HasSubstr;

absl::Time now;
absl::Time fake_clock() { return now; }

absl::Status fast(const Execution&, const Layout&, const float*, const QuantizationGrid&, float*) {
  now += absl::Milliseconds(1);
  return absl::OkStatus();
}
absl::Status slow(const Execution&, const Layout&, const float*, const QuantizationGrid&, float*) {
  now += absl::Milliseconds(20);
  return absl::OkStatus();
}
absl::Status broken(const Execution&, const Layout&, const float*, const QuantizationGrid&, float*) {
  return absl::InternalError("device on fire");
}

std::string selected_device;

KernelBackend backend_of(std::string name, int priority, const KernelTable<float>* table, bool is_software) {
  KernelBackend backend{.name = std::move(name), .priority = priority};
  backend.float32 = [table](DeviceKind device) { return device == DeviceKind::kCpu ? table : nullptr; };
  backend.devices = [is_software] { return std::vector<DeviceDescription>{{"Card One", is_software, {}}}; };
  backend.select_device = [](std::string_view device) {
    if (!device.empty() && device != "0") return absl::NotFoundError("there is only Card One");
    selected_device = std::string(device);
    return absl::OkStatus();
  };
  return backend;
}

// A slow backend without devices, a fast one, and three that auto must not take.
class ChoiceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    static const KernelTable<float> fast_table = {.fake_quantize_forward = fast},
                                    slow_table = {.fake_quantize_forward = slow},
                                    broken_table = {.fake_quantize_forward = broken};
    KernelBackend plain = backend_of("plain", 100, &slow_table, false);
    plain.devices = nullptr;
    plain.select_device = nullptr;
    KernelBackend absent = backend_of("absent", 60, nullptr, false);
    absent.devices = []() -> absl::StatusOr<std::vector<DeviceDescription>> {
      return absl::UnavailableError("no driver: install one");
    };
    ASSERT_TRUE(register_backend(plain).ok());
    ASSERT_TRUE(register_backend(absent).ok());
    ASSERT_TRUE(register_backend(backend_of("quick", 50, &fast_table, false)).ok());
    ASSERT_TRUE(register_backend(backend_of("software", 40, &fast_table, true)).ok());
    ASSERT_TRUE(register_backend(backend_of("broken", 30, &broken_table, false)).ok());
    ASSERT_TRUE(register_backend(backend_of("definition", 0, &fast_table, false)).ok());
  }
};

TEST_F(ChoiceTest, AutoTakesTheFastestAndSaysWhy) {
  const auto choice = choose_backend("auto", {}, fake_clock);
  ASSERT_TRUE(choice.ok()) << choice.status();
  EXPECT_EQ(choice->name, "quick");
  EXPECT_THAT(choice->reason, HasSubstr("quick on Card One 1.00 ms"));
  EXPECT_THAT(choice->reason, HasSubstr("plain 20.00 ms"));
  EXPECT_THAT(choice->reason, HasSubstr("broken on Card One failed: device on fire"));
  EXPECT_THAT(choice->reason, HasSubstr("software has only the software device Card One"));
  EXPECT_THAT(choice->reason, HasSubstr("absent has no device here"));
}

TEST_F(ChoiceTest, ANameIsTaken) {
  EXPECT_EQ(choose_backend("plain", {})->name, "plain");
  EXPECT_EQ(choose_backend("definition", {})->name, "definition");
}

TEST_F(ChoiceTest, ADeviceIsSelected) {
  EXPECT_EQ(choose_backend("quick:0", {})->name, "quick");
  EXPECT_EQ(selected_device, "0");
  EXPECT_EQ(choose_backend("quick:7", {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(choose_backend("plain:0", {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(choose_backend("quick", {})->name, "quick");
  EXPECT_EQ(selected_device, "") << "its best one again";
}

TEST_F(ChoiceTest, AColonWithoutADeviceIsRefused) {
  selected_device = "before";
  for (const char* specification : {"quick:", "plain:"}) {
    const absl::Status status = choose_backend(specification, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << specification;
    EXPECT_THAT(std::string(status.message()), HasSubstr("names no device behind the colon")) << specification;
  }
  EXPECT_EQ(selected_device, "before");
}

TEST_F(ChoiceTest, WhatIsNotThereIsSaid) {
  EXPECT_THAT(std::string(choose_backend("kwick", {}).status().message()), HasSubstr("no kernel backend is called"));
  const absl::Status absent = choose_backend("absent", {}).status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(absent.message()), HasSubstr("no driver: install one"));
}

}  // namespace
}  // namespace pare::backends
