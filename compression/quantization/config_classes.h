// compression/quantization/config_classes.h: sets of quantizers that must end up with one config.
//
//   ConfigClasses classes;
//   const int a = classes.add({symmetric, asymmetric}), b = classes.add({asymmetric});
//   classes.merge(a, b);       // true: both are asymmetric now
//   classes.picked(a);         // asymmetric
//
// A union-find whose sets carry the configs that all of their members allow.

#ifndef PARE_COMPRESSION_QUANTIZATION_CONFIG_CLASSES_H_
#define PARE_COMPRESSION_QUANTIZATION_CONFIG_CLASSES_H_

#include <vector>

#include "compression/quantization/quantizer_config.h"

namespace pare::quantization {

class ConfigClasses {
 public:
  // A class of one member; `configs` best first, not empty.
  int add(std::vector<QuantizerConfig> configs);

  // Makes one class of two, with the configs that both allow; false, and nothing changes, if there are none.
  bool merge(int first, int second);

  // The same of any number of them.
  bool merge_all(const std::vector<int>& numbers);

  // Two numbers have the same representative exactly if they are in one class.
  int representative(int number);

  const QuantizerConfig& picked(int number) { return configs_[static_cast<size_t>(representative(number))].front(); }

 private:
  std::vector<int> parents_;
  std::vector<std::vector<QuantizerConfig>> configs_;  // of representatives
};

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_CONFIG_CLASSES_H_
