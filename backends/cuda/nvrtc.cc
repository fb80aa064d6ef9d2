#include "backends/cuda/nvrtc.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace pare::backends::cuda {
namespace {

// What is compiled for: an architecture's machine code, or its PTX.
struct Goal {
  int architecture;
  bool is_ptx;
};

absl::StatusOr<Goal> goal_of(const NvrtcFunctions& nvrtc, int architecture) {
  int count = 0;
  std::vector<int> known;
  if (nvrtc.architecture_count(&count) == 0) known.resize(count);
  if (known.empty() || nvrtc.architectures(known.data()) != 0) {
    return absl::InternalError("NVRTC does not say what architectures it knows");
  }
  if (std::find(known.begin(), known.end(), architecture) != known.end()) return Goal{architecture, false};
  if (architecture > known.back()) return Goal{known.back(), true};
  return absl::UnavailableError(absl::StrCat("NVRTC knows no GPUs of compute capability ", architecture / 10, ".",
                                             architecture % 10, ", the least is ", known.front() / 10, ".",
                                             known.front() % 10, ": install an older CUDA"));
}

std::vector<std::string> options(ElementType element, Goal goal) {
  const char* const type = element == ElementType::kHalf       ? "Half"
                           : element == ElementType::kBFloat16 ? "BFloat16"
                                                               : "float";
  return {absl::StrCat("--gpu-architecture=", goal.is_ptx ? "compute_" : "sm_", goal.architecture), "--std=c++20",
          "--fmad=false", "--ftz=false", "--prec-div=true", "--prec-sqrt=true",
          // Our definitions are constexpr functions of the host's headers.
          "--device-as-default-execution-space", absl::StrCat("-DPARE_ELEMENT=", type)};
}

// What is missing in the library is null.
NvrtcFunctions functions_of(void* library) {
  NvrtcFunctions nvrtc;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
  };
  find("nvrtcGetErrorString", nvrtc.error_string);
  find("nvrtcVersion", nvrtc.version);
  find("nvrtcCreateProgram", nvrtc.create_program);
  find("nvrtcDestroyProgram", nvrtc.destroy_program);
  find("nvrtcCompileProgram", nvrtc.compile_program);
  find("nvrtcGetProgramLogSize", nvrtc.program_log_size);
  find("nvrtcGetProgramLog", nvrtc.program_log);
  find("nvrtcGetCUBINSize", nvrtc.cubin_size);
  find("nvrtcGetCUBIN", nvrtc.cubin);
  find("nvrtcGetPTXSize", nvrtc.ptx_size);
  find("nvrtcGetPTX", nvrtc.ptx);
  find("nvrtcGetNumSupportedArchs", nvrtc.architecture_count);
  find("nvrtcGetSupportedArchs", nvrtc.architectures);
  return nvrtc;
}

class ProgramOwner {
 public:
  ProgramOwner(const NvrtcFunctions& nvrtc, NvrtcFunctions::Program program) : nvrtc_(nvrtc), program_(program) {}
  ~ProgramOwner() { nvrtc_.destroy_program(&program_); }

 private:
  const NvrtcFunctions& nvrtc_;
  NvrtcFunctions::Program program_;
};

}  // namespace

absl::StatusOr<NvrtcFunctions> load_nvrtc(int greatest_version, const std::vector<std::string>& brought) {
  constexpr int kLeastVersion = 12;
  std::vector<std::string> libraries = brought, folders = {""};
  const char* home = std::getenv("CUDA_HOME");
  if (home != nullptr && *home != '\0') folders.push_back(absl::StrCat(home, "/lib64/"));
  folders.push_back("/usr/local/cuda/lib64/");
  for (const std::string& folder : folders) {
    for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"}) {
      libraries.push_back(absl::StrCat(folder, name));
    }
  }
  std::string found;
  for (const std::string& path : libraries) {
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) continue;
    const NvrtcFunctions nvrtc = functions_of(library);
    int major = 0, minor = 0;
    if (nvrtc.version != nullptr && nvrtc.version(&major, &minor) == 0 && major >= kLeastVersion &&
        major <= greatest_version && nvrtc.architectures != nullptr && nvrtc.cubin != nullptr) {
      return nvrtc;  // The library is never closed.
    }
    absl::StrAppend(&found, found.empty() ? "" : ", ", path, " of version ", major, ".", minor);
    dlclose(library);
  }
  return absl::UnavailableError(absl::StrCat(
      "there is no NVRTC (libnvrtc.so, CUDA's compiler at run time) of a version from ", kLeastVersion, " to ",
      greatest_version, ", the greatest that the driver can run code of, on the system, in CUDA_HOME/lib64 or in ",
      "/usr/local/cuda/lib64", found.empty() ? "" : ": there is ", found));
}

absl::StatusOr<std::string> compile(const NvrtcFunctions& nvrtc, const Source& source, ElementType element,
                                    int architecture) {
  PARE_ASSIGN_OR_RETURN(const Goal goal, goal_of(nvrtc, architecture));
  std::vector<std::string> texts;
  texts.reserve(source.header_count);
  std::vector<const char*> headers, names, flags;
  for (int i = 0; i < source.header_count; ++i) {
    texts.emplace_back(source.headers[i].text);
    headers.push_back(texts.back().c_str());
    names.push_back(source.headers[i].name);
  }
  const auto check = [&](int result, const char* what) {
    if (result == 0) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("NVRTC, ", what, " of ", source.name, ": ", nvrtc.error_string(result)));
  };
  NvrtcFunctions::Program program = nullptr;
  PARE_RETURN_IF_ERROR(check(nvrtc.create_program(&program, std::string(source.text).c_str(), source.name,
                                                  source.header_count, headers.data(), names.data()),
                             "making a program"));
  const ProgramOwner owner(nvrtc, program);
  const std::vector<std::string> words = options(element, goal);
  for (const std::string& word : words) flags.push_back(word.c_str());
  if (const int result = nvrtc.compile_program(program, static_cast<int>(flags.size()), flags.data()); result != 0) {
    size_t bytes = 0;
    std::string log;
    if (nvrtc.program_log_size(program, &bytes) == 0) {
      log.resize(bytes);
      if (nvrtc.program_log(program, log.data()) != 0) log.clear();
    }
    return absl::InternalError(absl::StrCat("NVRTC cannot compile ", source.name, " (", absl::StrJoin(words, " "),
                                            "): ", nvrtc.error_string(result), "\n", log.c_str()));
  }
  size_t bytes = 0;
  PARE_RETURN_IF_ERROR(check((goal.is_ptx ? nvrtc.ptx_size : nvrtc.cubin_size)(program, &bytes), "the size"));
  std::string binary(bytes, '\0');
  PARE_RETURN_IF_ERROR(check((goal.is_ptx ? nvrtc.ptx : nvrtc.cubin)(program, binary.data()), "the machine code"));
  return binary;
}

absl::StatusOr<std::string> compilation_identity(const NvrtcFunctions& nvrtc, const Source& source, ElementType element,
                                                 int architecture) {
  int major = 0, minor = 0;
  if (const int result = nvrtc.version(&major, &minor); result != 0) {
    return absl::InternalError(absl::StrCat("NVRTC does not say its version: ", nvrtc.error_string(result)));
  }
  PARE_ASSIGN_OR_RETURN(const Goal goal, goal_of(nvrtc, architecture));
  std::string identity = absl::StrCat("nvrtc ", major, ".", minor, "\n", absl::StrJoin(options(element, goal), " "),
                                      "\n", source.name, "\n", std::string(source.text));
  for (int i = 0; i < source.header_count; ++i) {
    absl::StrAppend(&identity, "\n", source.headers[i].name, "\n", std::string(source.headers[i].text));
  }
  return identity;
}

}  // namespace pare::backends::cuda
