#include "compression/analysis/calibration_net.h"

#include "gtest/gtest.h"

namespace pare {
namespace {

TEST(CalibrationNet, Runs) {
  const auto model = make_calibration_net();
  const auto y = model->forward_tensor({scattered({5, 2, 4, 4}, 7)});
  ASSERT_TRUE(y.ok()) << y.status();
  EXPECT_EQ(y->sizes(), (std::vector<int64_t>{5, 3, 4, 4}));
}

TEST(TensorLoader, HandsOutEveryRowOnce) {
  TensorLoader loader(scattered({5, 1}, 1), 2);
  EXPECT_FALSE(loader.next()->has_value());
  ASSERT_TRUE(loader.start_epoch(0).ok());
  EXPECT_EQ((*loader.next())->size(), 2);
  EXPECT_EQ((*loader.next())->size(), 2);
  EXPECT_EQ((*loader.next())->size(), 1);
  EXPECT_FALSE(loader.next()->has_value());
}

}  // namespace
}  // namespace pare
