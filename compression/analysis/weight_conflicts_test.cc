#include "compression/analysis/weight_conflicts.h"

#include <string>

#include "compression/analysis/test_net.h"
#include "gmock/gmock.h"
#include "graph/hooks.h"

namespace pare {
namespace {

using ::testing::HasSubstr;

class Named : public graph::Transform {
 public:
  explicit Named(std::string type) : type_(std::move(type)) {}
  std::string_view type() const override { return type_; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override { return inputs[0]; }

 private:
  std::string type_;
};

// The status of a method that comes when a transform of this type is on a linear layer's transposed weight.
absl::Status second(const std::string& first_type, WeightUse use) {
  TestNet net;
  graph::Value* weight = net.parameter("fc.weight", {4, 3});
  graph::Value* transposed = net.unary("fc", "aten::t", weight);
  net.output(net.matmul("fc", net.input("x"), transposed));
  auto transform = std::make_shared<Named>(first_type);
  transform->set_owner("first_method at $.compression[0]");
  EXPECT_TRUE(graph::insert_post_hook(net.graph(), transposed, transform, {}).ok());
  AlgorithmConfig config;
  config.name = "second_method";
  config.path = "$.compression[1]";
  return check_weight_is_free(*weight, use, config);
}

TEST(WeightConflicts, FollowTheTable) {
  const std::string zeros = "sparsity_mask", quantizes = "quantizer", binarizes = "weight_binarizer";
  EXPECT_FALSE(second(zeros, WeightUse::kZeros).ok());
  EXPECT_FALSE(second("rb_mask", WeightUse::kZeros).ok());
  EXPECT_FALSE(second("movement_mask", WeightUse::kZeros).ok());
  EXPECT_TRUE(second(zeros, WeightUse::kQuantizes).ok());
  EXPECT_FALSE(second(zeros, WeightUse::kBinarizes).ok());
  EXPECT_TRUE(second(quantizes, WeightUse::kZeros).ok());
  EXPECT_FALSE(second(quantizes, WeightUse::kQuantizes).ok());
  EXPECT_FALSE(second(quantizes, WeightUse::kBinarizes).ok());
  EXPECT_FALSE(second(binarizes, WeightUse::kZeros).ok());
  EXPECT_FALSE(second(binarizes, WeightUse::kQuantizes).ok());
  EXPECT_FALSE(second(binarizes, WeightUse::kBinarizes).ok());
  for (const std::string& type : {zeros, quantizes, binarizes}) EXPECT_TRUE(second(type, WeightUse::kRemoves).ok());
  EXPECT_TRUE(second("of_another_repository", WeightUse::kBinarizes).ok());
}

TEST(WeightConflicts, TheMessageNamesBothMethodsAndTheWeight) {
  const absl::Status status = second("rb_mask", WeightUse::kZeros);
  for (const char* part :
       {"$.compression[1]", "second_method", "first_method at $.compression[0]", "fc.weight", "ignored_scopes"}) {
    EXPECT_THAT(status.message(), HasSubstr(part));
  }
}

}  // namespace
}  // namespace pare
