#include "backends/vulkan/float_controls.h"

#include <algorithm>
#include <vector>

#include "backends/vulkan/testing_shaders.h"
#include "gtest/gtest.h"

namespace pare::backends::vulkan {
namespace {

// The instructions of a module, without its header.
std::vector<std::vector<uint32_t>> instructions(const std::vector<uint32_t>& module) {
  std::vector<std::vector<uint32_t>> all;
  for (size_t i = 5; i < module.size(); i += module[i] >> 16) {
    all.emplace_back(module.begin() + i, module.begin() + i + (module[i] >> 16));
  }
  return all;
}

TEST(FloatControls, AreAskedForOnTheEntryPoint) {
  const Shader& shader = shaders::negate_f32;
  const absl::Span<const uint32_t> module(shader.words, shader.size);
  EXPECT_EQ(with_float_controls(module, {}), std::vector<uint32_t>(module.begin(), module.end()));

  const auto before = instructions({module.begin(), module.end()});
  auto after = instructions(with_float_controls(module, {true, true, true}));
  ASSERT_EQ(after.size(), before.size() + 7);
  const auto entry_point =
      std::find_if(before.begin(), before.end(), [](const auto& i) { return (i[0] & 0xffff) == 15; });
  ASSERT_NE(entry_point, before.end());
  const uint32_t main = (*entry_point)[2];
  // Capabilities DenormPreserve, SignedZeroInfNanPreserve, RoundingModeRTE, and their modes for 32 bits.
  const std::vector<std::vector<uint32_t>> expected = {
      {2u << 16 | 17, 4464},           {2u << 16 | 17, 4466},           {2u << 16 | 17, 4467},
      {4u << 16 | 16, main, 4459, 32}, {4u << 16 | 16, main, 4461, 32}, {4u << 16 | 16, main, 4462, 32}};
  for (const auto& instruction : expected) {
    const auto found = std::find(after.begin(), after.end(), instruction);
    ASSERT_NE(found, after.end()) << instruction[1];
    after.erase(found);
  }
  const auto extension = std::find_if(after.begin(), after.end(), [](const auto& i) { return (i[0] & 0xffff) == 10; });
  ASSERT_NE(extension, after.end());
  EXPECT_STREQ(reinterpret_cast<const char*>(extension->data() + 1), "SPV_KHR_float_controls");
  after.erase(extension);
  EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace pare::backends::vulkan
