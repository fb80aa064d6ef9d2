// compression/pruning/axis_labels.h: which indices of which tensors can only be removed together.
//
//   LabelSets sets;
//   Axis filters = sets.fresh_axis(16);      // a convolution's 16 filters
//   Axis channels = sets.fresh_axis(16);     // the input channels of the next one's weight
//   sets.unite(filters, channels);           // filter 3 and channel 3 go together
//   sets.fix(filters);                       // the graph's output: none of them goes
//
// Every index of an axis that could lose some carries a label. Labels that have been united form a class: all indices
// with labels of one class are removed together, or all of them stay. A class that is fixed stays.

#ifndef PARE_COMPRESSION_PRUNING_AXIS_LABELS_H_
#define PARE_COMPRESSION_PRUNING_AXIS_LABELS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pare::pruning {

using Label = int32_t;

struct Axis {
  std::vector<Label> labels;  // one an index; empty: every index stays
  // What the removed indices hold in the model that only masks them: zeros, or else some finite number.
  bool is_zero = false;

  bool is_labelled() const { return !labels.empty(); }
};

// Union-find with path halving: near constant time an operation.
class LabelSets {
 public:
  Label add();
  Axis fresh_axis(int64_t size, bool is_zero = false);

  // The class's representative: the same for all labels of a class, until the next unite().
  Label find(Label label) const;
  bool is_fixed(Label label) const { return fixed_[static_cast<size_t>(find(label))]; }
  size_t size() const { return parents_.size(); }

  void unite(Label one, Label other);
  void fix(Label label) { fixed_[static_cast<size_t>(find(label))] = true; }

  // Index by index. An axis without labels, or of another size, stays as it is, and so does the other then.
  void unite(const Axis& one, const Axis& other);
  void fix(const Axis& axis);

  // How many classes that are not fixed the axis has.
  size_t count_classes(const Axis& axis) const;

 private:
  mutable std::vector<Label> parents_;
  std::vector<int32_t> sizes_;
  std::vector<bool> fixed_;
};

// A tensor's shape in the example run, and an Axis for each of its dimensions.
struct TensorLabels {
  std::vector<int64_t> shape;
  std::vector<Axis> axes;

  TensorLabels() = default;
  // Without labels.
  explicit TensorLabels(std::vector<int64_t> sizes) : shape(std::move(sizes)), axes(shape.size()) {}

  size_t rank() const { return shape.size(); }
  bool is_labelled() const {
    for (const Axis& axis : axes) {
      if (axis.is_labelled()) return true;
    }
    return false;
  }
};

// A value of the graph: a tensor, a list of tensors, or a number that says how many indices an axis has.
struct ValueLabels {
  std::vector<TensorLabels> tensors;
  bool is_list = false;
  Axis counted;

  bool is_tensor() const { return !is_list && tensors.size() == 1; }
};

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_AXIS_LABELS_H_
