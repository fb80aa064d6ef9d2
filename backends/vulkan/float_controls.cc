#include "backends/vulkan/float_controls.h"

#include <cstddef>
#include <cstring>

namespace pare::backends::vulkan {
namespace {

// Of the SPIR-V specification; the header that has their names is not in every distribution's packages.
constexpr uint32_t kOpExtension = 10;
constexpr uint32_t kOpEntryPoint = 15;
constexpr uint32_t kOpExecutionMode = 16;
constexpr uint32_t kOpCapability = 17;
constexpr size_t kHeaderWords = 5;

struct Control {
  uint32_t mode;
  uint32_t capability;
};
constexpr Control kDenormPreserve{4459, 4464};
constexpr Control kSignedZeroInfNanPreserve{4461, 4466};
constexpr Control kRoundingModeRte{4462, 4467};

uint32_t instruction(uint32_t opcode, uint32_t words) { return words << 16 | opcode; }

}  // namespace

std::vector<uint32_t> with_float_controls(absl::Span<const uint32_t> module, const FloatControls& controls) {
  std::vector<Control> wanted;
  if (controls.denorm_preserve) wanted.push_back(kDenormPreserve);
  if (controls.signed_zero_inf_nan_preserve) wanted.push_back(kSignedZeroInfNanPreserve);
  if (controls.rounding_to_even) wanted.push_back(kRoundingModeRte);
  std::vector<uint32_t> result(module.begin(), module.end());
  if (wanted.empty()) return result;

  // Capabilities come first, extensions behind them; an execution mode stands behind the entry point.
  std::vector<uint32_t> head, modes;
  size_t behind_capabilities = kHeaderWords, behind_entry_point = kHeaderWords;
  uint32_t entry_point = 0;
  for (size_t i = kHeaderWords; i < module.size(); i += module[i] >> 16) {
    const uint32_t opcode = module[i] & 0xffff, words = module[i] >> 16;
    if (words == 0) return result;
    if (opcode == kOpCapability) behind_capabilities = i + words;
    if (opcode == kOpEntryPoint) {
      entry_point = module[i + 2];
      behind_entry_point = i + words;
      break;
    }
  }
  for (const Control& control : wanted) {
    head.insert(head.end(), {instruction(kOpCapability, 2), control.capability});
    modes.insert(modes.end(), {instruction(kOpExecutionMode, 4), entry_point, control.mode, 32});
  }
  constexpr char kName[] = "SPV_KHR_float_controls";
  uint32_t name[(sizeof(kName) + 3) / 4] = {};
  std::memcpy(name, kName, sizeof(kName));
  head.push_back(instruction(kOpExtension, 1 + std::size(name)));
  head.insert(head.end(), std::begin(name), std::end(name));

  result.insert(result.begin() + behind_entry_point, modes.begin(), modes.end());
  result.insert(result.begin() + behind_capabilities, head.begin(), head.end());
  return result;
}

}  // namespace pare::backends::vulkan
