#include "backends/vulkan/driver_llvm.h"

#include <dlfcn.h>
#include <link.h>

#include <string>
#include <vector>

namespace pare::backends::vulkan {
namespace {

#if defined(__x86_64__) || defined(__i386__)
constexpr char kTarget[] = "X86";
#elif defined(__aarch64__)
constexpr char kTarget[] = "AArch64";
#elif defined(__arm__)
constexpr char kTarget[] = "ARM";
#elif defined(__riscv)
constexpr char kTarget[] = "RISCV";
#elif defined(__powerpc__)
constexpr char kTarget[] = "PowerPC";
#elif defined(__s390x__)
constexpr char kTarget[] = "SystemZ";
#elif defined(__loongarch__)
constexpr char kTarget[] = "LoongArch";
#else
constexpr char kTarget[] = "";
#endif

std::string name_of(const char* part) { return std::string("LLVMInitialize") + kTarget + part; }

int add_llvm(dl_phdr_info* library, size_t, void* paths) {
  const std::string path = library->dlpi_name;
  if (path.substr(path.rfind('/') + 1).rfind("libLLVM", 0) == 0) {
    static_cast<std::vector<std::string>*>(paths)->push_back(path);
  }
  return 0;
}

const void* library_of(void* function) {
  Dl_info found = {};
  return function != nullptr && dladdr(function, &found) != 0 ? found.dli_fbase : nullptr;
}

}  // namespace

void register_driver_llvm_targets() {
  const std::string first = name_of("TargetInfo");
  const void* const taken = library_of(dlsym(RTLD_DEFAULT, first.c_str()));
  if (taken == nullptr) return;
  std::vector<std::string> paths;
  dl_iterate_phdr(add_llvm, &paths);
  for (const std::string& path : paths) {
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    if (library == nullptr) continue;
    const void* const own = library_of(dlsym(library, first.c_str()));
    if (own != nullptr && own != taken) {
      for (const char* part : {"TargetInfo", "Target", "TargetMC", "AsmPrinter", "AsmParser", "Disassembler"}) {
        const auto initialize = reinterpret_cast<void (*)()>(dlsym(library, name_of(part).c_str()));
        if (initialize != nullptr) initialize();
      }
    }
    dlclose(library);
  }
}

}  // namespace pare::backends::vulkan
