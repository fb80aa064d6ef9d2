#include "compression/quantization/config_classes.h"

#include <utility>

#include "compression/quantization/allowed_configs.h"

namespace pare::quantization {

int ConfigClasses::add(std::vector<QuantizerConfig> configs) {
  const int number = static_cast<int>(parents_.size());
  parents_.push_back(number);
  configs_.push_back(std::move(configs));
  return number;
}

int ConfigClasses::representative(int number) {
  while (parents_[static_cast<size_t>(number)] != number) {
    int& parent = parents_[static_cast<size_t>(number)];
    parent = parents_[static_cast<size_t>(parent)];
    number = parent;
  }
  return number;
}

bool ConfigClasses::merge(int first, int second) { return merge_all({first, second}); }

bool ConfigClasses::merge_all(const std::vector<int>& numbers) {
  if (numbers.empty()) return true;
  const int first = representative(numbers[0]);
  std::vector<QuantizerConfig> common = configs_[static_cast<size_t>(first)];
  for (const int number : numbers) {
    const int other = representative(number);
    if (other == first) continue;
    common = intersect(common, configs_[static_cast<size_t>(other)]);
    if (common.empty()) return false;
  }
  for (const int number : numbers) parents_[static_cast<size_t>(representative(number))] = first;
  configs_[static_cast<size_t>(first)] = std::move(common);
  return true;
}

}  // namespace pare::quantization
