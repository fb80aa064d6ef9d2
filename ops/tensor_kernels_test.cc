#include "ops/tensor_kernels.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "gtest/gtest.h"

namespace pare::ops {
namespace {

using backends::Layout;

bool same(const Layout& a, const Layout& b) {
  return a.outer == b.outer && a.channels == b.channels && a.inner == b.inner;
}

TEST(TensorKernels, LayoutOfEveryAxis) {
  const at::Tensor x = at::rand({2, 3, 4, 5});
  EXPECT_TRUE(same(layout_of(x, -1), {1, 1, 120}));
  EXPECT_TRUE(same(layout_of(x, 0), {1, 2, 60}));
  EXPECT_TRUE(same(layout_of(x, 1), {2, 3, 20}));
  EXPECT_TRUE(same(layout_of(x, 3), {24, 5, 1}));
  EXPECT_TRUE(same(layout_of(at::rand({2, 1, 4}), 1), {1, 1, 8}));
  EXPECT_TRUE(same(layout_of(at::rand({0, 3, 4}), 1), {1, 3, 0}));
}

TEST(TensorKernels, ADenseTensorInAnotherOrderIsNotCopied) {
  const at::Tensor x = at::rand({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_TRUE(dense_float32("test", x).is_same(x));
  EXPECT_TRUE(same(layout_of(x, 1), {40, 3, 1}));
}

TEST(TensorKernels, OthersAreConverted) {
  const at::Tensor wide = at::rand({4, 6});
  EXPECT_TRUE(dense_float32("test", wide.slice(1, 0, 3)).is_contiguous());
  EXPECT_EQ(dense_float32("test", wide.to(at::kDouble)).scalar_type(), at::kFloat);
  EXPECT_EQ(dense_float32("test", wide.to(at::kHalf)).scalar_type(), at::kFloat);
  EXPECT_EQ(dense_numbers("test", wide.to(at::kDouble)).scalar_type(), at::kFloat);
}

TEST(TensorKernels, EveryTypeOfTheKernelsIsTakenAsItIs) {
  for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const at::Tensor x = at::rand({3, 4}).to(type);
    EXPECT_TRUE(dense_numbers("test", x).is_same(x));
    with_kernel_type(x, [&](auto number) {
      EXPECT_EQ(sizeof(number), x.element_size());
      EXPECT_EQ(backends::to_float(*data_of<decltype(number)>(x)), x[0][0].item<float>());
    });
  }
  EXPECT_EQ(data_of(at::Tensor()), nullptr);
}

TEST(TensorKernels, GradientsTakeTheTypeAndOrderOfX) {
  const at::Tensor x = at::rand({2, 3, 4, 5}).to(at::kHalf).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor gradient = at::rand({2, 3, 4, 5});
  const at::Tensor same_order = in_order_of(x, gradient);
  EXPECT_EQ(same_order.scalar_type(), at::kHalf);
  EXPECT_EQ(same_order.strides(), x.strides());
  EXPECT_TRUE(same_order.equal(gradient.to(at::kHalf)));
  EXPECT_TRUE(in_order_of(x, x).is_same(x));
}

TEST(TensorKernels, RefusesWhatKernelsCannotTake) {
  EXPECT_THROW(dense_float32("test", at::Tensor()), c10::Error);
  EXPECT_THROW(dense_float32("test", at::arange(4)), c10::Error);
  EXPECT_THROW(check_channel_axis("test", at::rand({2, 3}), 2), c10::Error);
  EXPECT_THROW(check_channel_axis("test", at::rand({2, 3}), -2), c10::Error);
  EXPECT_THROW(channel_parameters("test", at::rand({4}), "scale", at::rand({2}), 3), c10::Error);
  EXPECT_THROW(throw_unless_ok(absl::InternalError("device lost")), c10::Error);
}

TEST(TensorKernels, ParametersStayWhereTheyAre) {
  const at::Tensor x = at::rand({2, 3}), scale = at::rand({3, 1});
  const at::Tensor numbers = channel_parameters("test", x, "scale", scale, 3);
  EXPECT_EQ(numbers.data_ptr(), scale.data_ptr());
  EXPECT_EQ(numbers.sizes(), at::IntArrayRef({3}));
  EXPECT_EQ(channel_parameters("test", x, "scale", scale.to(at::kDouble), 3).scalar_type(), at::kFloat);
  const at::Tensor gradient = parameter_gradient(scale.to(at::kHalf), numbers);
  EXPECT_EQ(gradient.scalar_type(), at::kHalf);
  EXPECT_EQ(gradient.sizes(), scale.sizes());
}

TEST(TensorKernels, RefusesTensorsOnSeveralDevicesAndNamesBoth) {
  const at::Tensor elsewhere = at::empty({3}, at::TensorOptions(at::kMeta));
  EXPECT_THROW(dense_numbers("test", elsewhere), c10::Error);
  try {
    channel_parameters("test", at::rand({2, 3}), "scale", elsewhere, 3);
    ADD_FAILURE() << "a parameter elsewhere is taken";
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    EXPECT_NE(message.find("scale is on meta"), std::string::npos) << message;
    EXPECT_NE(message.find("on cpu"), std::string::npos) << message;
  }
}

TEST(TensorKernels, RunsOnLibTorchsThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::atomic<int64_t> covered = 0;
  torch_execution().parallel_for(0, 2, 1, [&](int64_t begin, int64_t end) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    covered += end - begin;
  });
  at::set_num_threads(before);
  EXPECT_EQ(covered, 2);
  EXPECT_EQ(threads.size(), 2u);
}

}  // namespace
}  // namespace pare::ops
