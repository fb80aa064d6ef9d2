#include "compression/pruning/reshape_axes.h"

#include <utility>

namespace pare::pruning {
namespace {

std::vector<size_t> wide_axes(const std::vector<int64_t>& shape) {
  std::vector<size_t> axes;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != 1) axes.push_back(axis);
  }
  return axes;
}

}  // namespace

std::vector<AxisGroup> match_axes(const std::vector<int64_t>& in, const std::vector<int64_t>& out) {
  const std::vector<size_t> in_axes = wide_axes(in), out_axes = wide_axes(out);
  std::vector<AxisGroup> groups;
  size_t i = 0, o = 0;
  while (i < in_axes.size() && o < out_axes.size()) {
    AxisGroup group;
    int64_t left = in[in_axes[i]], right = out[out_axes[o]];
    group.in.push_back(in_axes[i++]);
    group.out.push_back(out_axes[o++]);
    while (left != right) {
      if (left < right && i < in_axes.size()) {
        left *= in[in_axes[i]];
        group.in.push_back(in_axes[i++]);
      } else if (left > right && o < out_axes.size()) {
        right *= out[out_axes[o]];
        group.out.push_back(out_axes[o++]);
      } else {
        return {};
      }
    }
    group.size = left;
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace pare::pruning
