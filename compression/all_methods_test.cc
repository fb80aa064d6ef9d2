#include "compression/all_methods.h"

#include "compression/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(AllMethods, AllSurviveLinking) {
  const auto all = ::testing::ElementsAre("binarization", "const_sparsity", "filter_pruning", "knowledge_distillation",
                                          "magnitude_sparsity", "movement_sparsity", "n_of_m_sparsity", "quantization",
                                          "rb_sparsity");
  EXPECT_THAT(registered_algorithms(), all);
  register_all_methods();
  EXPECT_THAT(registered_algorithms(), all);
}

}  // namespace
}  // namespace pare
