// In the place of what takes a LibTorch without CUDA.

#include "gtest/gtest.h"

TEST(FakeCuda, NeedsALibtorchWithoutCuda) { GTEST_SKIP() << "this LibTorch has CUDA of its own"; }
