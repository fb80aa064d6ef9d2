#include "backends/cuda/binaries.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "backends/cuda/sources.h"
#include "base/atomic_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::backends::cuda {
namespace {

using ::testing::HasSubstr;

const Source* const kAllSources[] = {
    &sources::binarize,      &sources::codes,     &sources::counts,        &sources::extremes, &sources::fake_quantize,
    &sources::filters,       &sources::histogram, &sources::key_histogram, &sources::masks,    &sources::n_of_m,
    &sources::mean_variance, &sources::rb_mask,   &sources::weight_groups};

// A compiler that makes a text of what it is given, and counts.
int compilations = 0;
bool fails = false;
std::string made;

NvrtcFunctions fake_nvrtc() {
  NvrtcFunctions nvrtc;
  nvrtc.error_string = [](int) { return "compilation failed"; };
  nvrtc.version = [](int* major, int* minor) {
    *major = 12;
    *minor = 4;
    return 0;
  };
  nvrtc.create_program = [](void** program, const char*, const char* name, int, const char* const*,
                            const char* const*) {
    made = name;
    *program = &made;
    return 0;
  };
  nvrtc.destroy_program = [](void** program) {
    *program = nullptr;
    return 0;
  };
  nvrtc.compile_program = [](void*, int count, const char* const* options) {
    ++compilations;
    for (int i = 0; i < count; ++i) made += std::string(" ") + options[i];
    return fails ? 6 : 0;
  };
  nvrtc.program_log_size = [](void*, size_t* bytes) {
    *bytes = 9;
    return 0;
  };
  nvrtc.program_log = [](void*, char* log) {
    std::memcpy(log, "line 3: x", 9);
    return 0;
  };
  nvrtc.architecture_count = [](int* count) {
    *count = 2;
    return 0;
  };
  nvrtc.architectures = [](int* architectures) {
    architectures[0] = 80;
    architectures[1] = 90;
    return 0;
  };
  nvrtc.ptx_size = [](void*, size_t* bytes) {
    *bytes = 3;
    return 0;
  };
  nvrtc.ptx = [](void*, char* ptx) {
    std::memcpy(ptx, "ptx", 3);
    return 0;
  };
  nvrtc.cubin_size = [](void*, size_t* bytes) {
    *bytes = made.size();
    return 0;
  };
  nvrtc.cubin = [](void*, char* cubin) {
    std::memcpy(cubin, made.data(), made.size());
    return 0;
  };
  return nvrtc;
}

class BinariesTest : public ::testing::Test {
 protected:
  BinariesTest() {
    compilations = 0;
    fails = false;
    std::filesystem::remove_all(folder_);
  }
  const std::string folder_ = ::testing::TempDir() + "/cache";
};

TEST_F(BinariesTest, AreMadeOnceForEachTypeAndArchitecture) {
  Binaries binaries(fake_nvrtc(), folder_);
  const auto first = binaries.get(sources::masks, ElementType::kHalf, 90);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(**first, HasSubstr("masks.cu"));
  EXPECT_THAT(**first, HasSubstr("sm_90"));
  EXPECT_THAT(**first, HasSubstr("--fmad=false"));
  EXPECT_THAT(**first, HasSubstr("-DPARE_ELEMENT=Half"));
  EXPECT_EQ(*binaries.get(sources::masks, ElementType::kHalf, 90), *first);
  EXPECT_EQ(compilations, 1);
  ASSERT_TRUE(binaries.get(sources::masks, ElementType::kFloat, 90).ok());
  ASSERT_TRUE(binaries.get(sources::masks, ElementType::kHalf, 80).ok());
  ASSERT_TRUE(binaries.get(sources::codes, ElementType::kHalf, 90).ok());
  EXPECT_EQ(compilations, 4);
}

TEST_F(BinariesTest, AreKeptOnDisk) {
  const std::string binary = **Binaries(fake_nvrtc(), folder_).get(sources::masks, ElementType::kHalf, 90);
  EXPECT_EQ(**Binaries(fake_nvrtc(), folder_).get(sources::masks, ElementType::kHalf, 90), binary);
  EXPECT_EQ(compilations, 1);
  EXPECT_TRUE(Binaries(fake_nvrtc(), "").get(sources::masks, ElementType::kHalf, 90).ok()) << "no folder: no file";
  EXPECT_EQ(compilations, 2);

  NvrtcFunctions newer = fake_nvrtc();
  newer.version = [](int* major, int* minor) {
    *major = 13;
    *minor = 0;
    return 0;
  };
  ASSERT_TRUE(Binaries(newer, folder_).get(sources::masks, ElementType::kHalf, 90).ok());
  EXPECT_EQ(compilations, 3);
}

TEST_F(BinariesTest, ADamagedFileIsAMiss) {
  const std::string binary = **Binaries(fake_nvrtc(), folder_).get(sources::masks, ElementType::kHalf, 90);
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    std::string content = *read_file(entry.path());
    content.back() ^= 1;
    ASSERT_TRUE(write_file_atomically(entry.path(), content).ok());
  }
  EXPECT_EQ(**Binaries(fake_nvrtc(), folder_).get(sources::masks, ElementType::kHalf, 90), binary);
  EXPECT_EQ(compilations, 2);
}

TEST_F(BinariesTest, ANewerGpuGetsThePtxOfTheGreatestThatIsKnown) {
  Binaries binaries(fake_nvrtc(), folder_);
  EXPECT_EQ(**binaries.get(sources::masks, ElementType::kHalf, 120), "ptx");
  EXPECT_THAT(made, HasSubstr("--gpu-architecture=compute_90"));
  EXPECT_EQ(binaries.get(sources::masks, ElementType::kHalf, 75).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(BinariesTest, AnErrorIsTheCompilersAndIsNotTriedAgain) {
  fails = true;
  Binaries binaries(fake_nvrtc(), folder_);
  const absl::Status status = binaries.get(sources::masks, ElementType::kHalf, 90).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("masks.cu"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("line 3: x"));
  EXPECT_EQ(binaries.get(sources::masks, ElementType::kHalf, 90).status(), status);
  EXPECT_EQ(compilations, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_));
}

// What a GPU's first call does, all but running it.
TEST(Nvrtc, CompilesEverySource) {
  const absl::StatusOr<NvrtcFunctions> nvrtc = load_nvrtc(/*greatest_version=*/99);
  if (!nvrtc.ok()) GTEST_SKIP() << nvrtc.status().message();
  for (const Source* source : kAllSources) {
    const absl::StatusOr<std::string> binary = compile(*nvrtc, *source, ElementType::kFloat, 80);
    ASSERT_TRUE(binary.ok()) << binary.status();
    EXPECT_EQ(binary->substr(1, 3), "ELF") << source->name;
  }
  for (const ElementType element : {ElementType::kHalf, ElementType::kBFloat16}) {
    EXPECT_TRUE(compile(*nvrtc, sources::fake_quantize, element, 80).ok());
  }
}

TEST(Nvrtc, TheOneThatIsBroughtComesFirst) {
  const absl::StatusOr<NvrtcFunctions> systems = load_nvrtc(/*greatest_version=*/99);
  if (!systems.ok()) GTEST_SKIP() << systems.status().message();
  Dl_info library = {};
  ASSERT_NE(dladdr(reinterpret_cast<const void*>(systems->version), &library), 0);
  const std::string link = ::testing::TempDir() + "/libnvrtc-of-another-name.so";
  std::filesystem::remove(link);
  std::filesystem::create_symlink(library.dli_fname, link);
  EXPECT_EQ(load_nvrtc(99, {"/nowhere/libnvrtc.so", link})->version, systems->version);
  // One that the driver cannot run code of is named, and passed over.
  const absl::Status refused = load_nvrtc(/*greatest_version=*/1, {link}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(refused.message().find(link), std::string_view::npos) << refused;
}

}  // namespace
}  // namespace pare::backends::cuda
