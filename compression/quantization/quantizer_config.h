// compression/quantization/quantizer_config.h: what one quantizer does, its ranges aside.
//
//   QuantizerConfig config{.mode = QuantizationMode::kSymmetric, .bits = 8, .is_signed = true};
//   level_range(config, *config.is_signed)   // {-128, 127}
//   to_string(config)                        // "INT8 symmetric signed per-tensor"

#ifndef PARE_COMPRESSION_QUANTIZATION_QUANTIZER_CONFIG_H_
#define PARE_COMPRESSION_QUANTIZATION_QUANTIZER_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>

namespace pare::quantization {

enum class QuantizationMode { kSymmetric, kAsymmetric };

inline constexpr int kMinBits = 2;
inline constexpr int kMaxBits = 8;

struct QuantizerConfig {
  QuantizationMode mode = QuantizationMode::kSymmetric;
  int bits = 8;  // kMinBits to kMaxBits
  // Symmetric only. nullopt or false: signed if the initialisation sees a negative value; with false that is logged.
  std::optional<bool> is_signed;
  bool per_channel = false;
  bool narrow_range = false;     // the lowest signed level is left out: -127..127
  bool half_range = false;       // overflow_fix: half of the levels, for runtimes whose accumulators saturate
  bool logarithm_scale = false;  // the learned parameter is the scale's logarithm

  bool operator==(const QuantizerConfig&) const = default;
};

// The integers that a quantized value can take, both ends included.
struct LevelRange {
  int low;
  int high;

  int count() const { return high - low + 1; }
  bool operator==(const LevelRange&) const = default;
};

// b bits: signed -2^(b-1) .. 2^(b-1) - 1, unsigned 0 .. 2^b - 1. A narrow range drops the lowest signed level; a half
// range is that of one bit less. An asymmetric quantizer counts its levels from zero whatever `is_signed` says: its
// zero point, not its levels, makes room for negative values.
LevelRange level_range(const QuantizerConfig& config, bool is_signed);

// "INT8 symmetric signed per-channel"; what is not decided or not set is left out.
std::string to_string(const QuantizerConfig& config);

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_QUANTIZER_CONFIG_H_
