// compression/pruning/reshape_axes.h: which axes of a reshaped tensor come from which.
//
//   match_axes({2, 5, 24}, {2, 5, 3, 2, 4});   // {0} to {0}, {1} to {1}, {2} to {2, 3, 4}
//
// The axes of both shapes fall into groups of equal products, as small as can be; within a group the elements keep
// their order.

#ifndef PARE_COMPRESSION_PRUNING_RESHAPE_AXES_H_
#define PARE_COMPRESSION_PRUNING_RESHAPE_AXES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pare::pruning {

struct AxisGroup {
  std::vector<size_t> in, out;  // axes; those of one index are left out
  int64_t size = 1;
};

// Empty if the two have not the same number of elements, or no axis of more than one index.
std::vector<AxisGroup> match_axes(const std::vector<int64_t>& in, const std::vector<int64_t>& out);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_RESHAPE_AXES_H_
