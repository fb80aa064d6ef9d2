// base/median.h: the middle of a few measurements.
//
//   std::cout << median(milliseconds);

#ifndef PARE_BASE_MEDIAN_H_
#define PARE_BASE_MEDIAN_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace pare {

// The greater of the two in the middle, of an even number. There is at least one, and none is NaN.
inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace pare

#endif  // PARE_BASE_MEDIAN_H_
