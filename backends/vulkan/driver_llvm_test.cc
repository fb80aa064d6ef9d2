// In a program with functions of LLVM's names, as LibTorch of Debian 13 has them: a driver that calls these by mistake
// has no code generator.

#include "backends/vulkan/driver_llvm.h"

#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/testing.h"
#include "backends/vulkan/testing_shaders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

extern "C" {
void LLVMInitializeX86TargetInfo() {}
void LLVMInitializeX86Target() {}
void LLVMInitializeX86TargetMC() {}
void LLVMInitializeX86AsmPrinter() {}
void LLVMInitializeX86AsmParser() {}
void LLVMInitializeX86Disassembler() {}
void LLVMInitializeAArch64TargetInfo() {}
void LLVMInitializeAArch64Target() {}
void LLVMInitializeAArch64TargetMC() {}
void LLVMInitializeAArch64AsmPrinter() {}
void LLVMInitializeAArch64AsmParser() {}
void LLVMInitializeAArch64Disassembler() {}
}

namespace pare::backends::vulkan {
namespace {

class DriverLlvmTest : public VulkanTest {};

TEST_F(DriverLlvmTest, ADeviceIsOpenedAndCompilesShaders) {
  float* const x = to_device(std::vector<float>{1, 2, 3});
  float* const y = allocate<float>(3);
  Call call({x, y});
  const Buffer in = call.input(x, 3), out = call.output(y, 3);
  for_each_piece(call, Layout::per_tensor(3), sizeof(float), [&](const Piece& piece) {
    call.dispatch(shaders::negate_f32, {piece.of(in, x), piece.of(out, y)}, piece.constants.count, {},
                  piece.invocations);
  });
  ASSERT_EQ(call.finish(), absl::OkStatus());
  EXPECT_THAT(to_host(y, 3), ::testing::ElementsAre(-1, -2, -3));
}

}  // namespace
}  // namespace pare::backends::vulkan
