#include "training/read_numbers.h"

#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::training {
namespace {

using ::testing::ElementsAre;

TEST(ReadNumbers, TakesAnyDtypeAndShapeOfOneElement) {
  const at::Tensor loss = at::full({}, 0.1f).set_requires_grad(true);
  const at::Tensor count = at::full({1}, int64_t{1} << 40, at::kLong);
  EXPECT_THAT(read_numbers({loss, {}, count, at::full({1, 1}, true, at::kBool)}),
              ElementsAre(static_cast<double>(0.1f), 0.0, std::ldexp(1.0, 40), 1.0));
  EXPECT_THAT(read_numbers({}), ElementsAre());
}

TEST(ReadNumbers, RefusesATensorThatIsNoNumber) {
  EXPECT_THROW(read_numbers({at::zeros({2})}), c10::Error);
  EXPECT_THROW(read_numbers({at::zeros({0})}), c10::Error);
}

}  // namespace
}  // namespace pare::training
