// compression/sparsity/movement_mask.h: the mask of movement sparsity on one weight: a cell of it stays while the
// cell's learned score is above a threshold.
//
//   const at::Tensor y = movement_sparsify(weight, scores, {.rows = 32, .columns = 32}, threshold);
//
//   mask = [score of the cell > threshold],  y = weight where the mask is 1, else 0
//   d weight = dy where the mask is 1, else 0;  d score = the sum over its cell of dy * weight
// The derivative of the step by the score is taken as 1 (straight-through), so masked cells go on learning. (Sanh et
// al. 2020, arXiv:2005.07683, section 4; cells: Lagunas et al. 2021, arXiv:2109.04838.) A NaN score removes.

#ifndef PARE_COMPRESSION_SPARSITY_MOVEMENT_MASK_H_
#define PARE_COMPRESSION_SPARSITY_MOVEMENT_MASK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string_view>

#include "graph/transform.h"

namespace pare::sparsity {

// The weights that one score is for: so many rows by so many columns of a weight [R, C], whose scores are
// [R / rows, C / columns]. 1 x 1: each weight has its own.
struct Cell {
  int64_t rows = 1, columns = 1;
};

// Each score at every weight of its cell: [R, C].
at::Tensor expand_cells(const at::Tensor& scores, Cell cell);

// at::kBool, of the weight's shape, true where a weight stays.
at::Tensor movement_mask(const at::Tensor& scores, Cell cell, double threshold);

// y above, of the weight's type. Throws c10::Error if the shapes do not go together.
at::Tensor movement_sparsify(const at::Tensor& weight, const at::Tensor& scores, Cell cell, double threshold);

// Node inputs: the weight, its scores, and the mask that is resolved when the scores have learned enough: a bool buffer
// of the weight's shape, which counts once it is frozen.
class MovementTransform : public graph::Transform {
 public:
  static constexpr double kKeepsAll = -std::numeric_limits<double>::infinity();

  explicit MovementTransform(Cell cell) : cell_(cell) {}

  std::string_view type() const override { return "movement_mask"; }
  at::Tensor forward(at::ArrayRef<at::Tensor> inputs) override;

  // {"threshold" (null: keeps all), "frozen"}: the cell follows from the config and the layer.
  nlohmann::json state() const override;
  absl::Status set_state(const nlohmann::json& state) override;

  Cell cell() const { return cell_; }
  void set_threshold(double threshold) { threshold_ = threshold; }
  void set_frozen(bool frozen) { is_frozen_ = frozen; }
  bool is_frozen() const { return is_frozen_; }

 private:
  Cell cell_;
  double threshold_ = kKeepsAll;
  bool is_frozen_ = false;
};

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_MOVEMENT_MASK_H_
