#include "compression/registry.h"

#include <stdexcept>

#include "compression/tiny_model.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Constructed : public CompressionAlgorithm {
 public:
  using CompressionAlgorithm::CompressionAlgorithm;
};

class Created : public CompressionAlgorithm {
 public:
  using CompressionAlgorithm::CompressionAlgorithm;
  static absl::StatusOr<std::unique_ptr<Created>> create(std::shared_ptr<graph::Model> model,
                                                         const AlgorithmConfig& config, const InputSize& input_size) {
    if (input_size.empty()) return absl::InvalidArgumentError("no inputs");
    return std::make_unique<Created>(std::move(model), config, input_size);
  }
};

class Throws : public CompressionAlgorithm {
 public:
  Throws(std::shared_ptr<graph::Model> model, const AlgorithmConfig& config, const InputSize& input_size)
      : CompressionAlgorithm(std::move(model), config, input_size) {
    throw std::runtime_error("cannot start");
  }
};

PARE_REGISTER_ALGORITHM("constructed", Constructed);
PARE_REGISTER_ALGORITHM("throws", Throws);

absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make(const std::string& name, const InputSize& input_size) {
  AlgorithmConfig config;
  config.name = name;
  config.path = "$.compression[1]";
  return make_algorithm(make_tiny_model(), config, input_size);
}

TEST(AlgorithmRegistry, MakesByName) {
  EXPECT_TRUE(register_algorithm<Created>("created"));
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(register_algorithm<Created>("created")) << "again and again is fine";
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  ::testing::internal::CaptureStderr();
  EXPECT_FALSE(register_algorithm<Constructed>("created"));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("\"created\" is registered twice"), HasSubstr("::Created"), HasSubstr("::Constructed")));
  EXPECT_THAT(registered_algorithms(), ElementsAre("constructed", "created", "throws"));

  const auto constructed = make("constructed", {{1, 4}});
  ASSERT_TRUE(constructed.ok()) << constructed.status();
  EXPECT_NE(dynamic_cast<Constructed*>(constructed->get()), nullptr);
  EXPECT_EQ((*constructed)->config().path, "$.compression[1]");
  const auto created = make("created", {{1, 4}});
  ASSERT_TRUE(created.ok());
  EXPECT_NE(dynamic_cast<Created*>(created->get()), nullptr) << "create() is preferred, and the first name stays";
  EXPECT_EQ(make("created", {}).status(), absl::InvalidArgumentError("no inputs"));
}

TEST(AlgorithmRegistry, AnExceptionOfAMethodIsAStatus) {
  EXPECT_THAT(std::string(make("throws", {}).status().message()), HasSubstr("cannot start"));
  EXPECT_TRUE(register_algorithm(
      "throws_itself", [](auto, const auto&, const auto&) -> absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> {
        throw std::runtime_error("badly");
      }));
  EXPECT_THAT(std::string(make("throws_itself", {}).status().message()), HasSubstr("$.compression[1]: badly"));
}

TEST(AlgorithmRegistry, AnUnknownNameGetsTheNearest) {
  const absl::Status status = make("constructd", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(std::string(status.message()),
            "$.compression[1].algorithm: there is no compression method \"constructd\"; did you mean "
            "\"constructed\"?");
  EXPECT_THAT(std::string(make("q", {}).status().message()), HasSubstr("known are: constructed, "));
}

}  // namespace
}  // namespace pare
