// backends/vulkan/driver_llvm.h: lets a Vulkan driver find its own LLVM's code generator.
//
//   register_driver_llvm_targets();       // once the drivers are loaded, before vkCreateDevice()
//
// Mesa's llvmpipe compiles shaders by LLVM, in a shared library, and first registers the processor with it
// (LLVMInitializeX86Target() and others). A program's own libraries come first where the system looks for these names,
// and LibTorch of Debian 13 has an LLVM built in whose C functions it exports: llvmpipe registers the processor there,
// finds no code generator in its own LLVM, and ends the process in vkCreateDevice() (Mesa 25.0, LLVM 19.1,
// LibTorch 2.6). So it is registered in the driver's LLVM from here. That is done where the name leads to another
// library only, and is harmless when done twice.

#ifndef PARE_BACKENDS_VULKAN_DRIVER_LLVM_H_
#define PARE_BACKENDS_VULKAN_DRIVER_LLVM_H_

namespace pare::backends::vulkan {

void register_driver_llvm_targets();

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_DRIVER_LLVM_H_
