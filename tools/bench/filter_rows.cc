#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;

struct Tensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(const Layout& layout) {
    PARE_ASSIGN_OR_RETURN(x, random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(y, zeros<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(scale, filled(0.8f, layout.channels));
    PARE_ASSIGN_OR_RETURN(threshold, filled(0.1f, layout.channels));
    for (float** sums : {&first, &second, &third}) {
      PARE_ASSIGN_OR_RETURN(*sums, zeros<float>(layout.channels));
    }
    return absl::OkStatus();
  }

  float *x = nullptr, *y = nullptr, *scale = nullptr, *threshold = nullptr;
  float *first = nullptr, *second = nullptr, *third = nullptr;
};

struct BackwardTensors : Tensors {
  using Tensors::Tensors;
  absl::Status make(const Layout& layout) {
    PARE_RETURN_IF_ERROR(Tensors::make(layout));
    PARE_ASSIGN_OR_RETURN(dy, random<float>(layout.size()));
    return absl::OkStatus();
  }

  float* dy = nullptr;
};

struct Distances : Workspace {
  using Workspace::Workspace;
  absl::Status make(const Layout& layout) {
    PARE_ASSIGN_OR_RETURN(x, random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(distances, zeros<float>(layout.channels * layout.channels));
    return absl::OkStatus();
  }

  float *x = nullptr, *distances = nullptr;
};

}  // namespace

std::vector<Row> filter_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  const auto* const table = subject.table<float>();
  if (table == nullptr) return rows;
  const int64_t elements = size / 4;
  const Layout weight = weight_layout(elements), activation{elements / (64 * 64), 64, 64};
  const auto row = [&](const char* name, int64_t bytes, Yardstick yardstick) {
    return Row{.name = name, .size = size, .bytes = bytes, .yardstick = yardstick};
  };
  add_row<Tensors>(subject, rows, table->binarize_weights, row("binarize_weights", 8 * weight.size(), Yardstick::kCopy),
                   weight,
                   [=](const Tensors& t) { return table->binarize_weights(t.execution, weight, t.x, t.scale, t.y); });
  add_row<Tensors>(
      subject, rows, table->binarize_activations_forward,
      row("binarize_activations_forward", 8 * activation.size(), Yardstick::kCopy), activation, [=](const Tensors& t) {
        return table->binarize_activations_forward(t.execution, activation, t.x, t.scale, t.threshold, t.y);
      });
  add_row<BackwardTensors>(subject, rows, table->binarize_activations_backward,
                           row("binarize_activations_backward", 12 * activation.size(), Yardstick::kCopy), activation,
                           [=](const BackwardTensors& t) {
                             const backends::BinarizationSums sums{t.first, t.second, t.third};
                             return table->binarize_activations_backward(t.execution, activation, t.dy, t.x, t.scale,
                                                                         t.threshold, t.y, &sums);
                           });
  add_row<Tensors>(subject, rows, table->filter_norms, row("filter_norms", 4 * weight.size(), Yardstick::kRead), weight,
                   [=](const Tensors& t) { return table->filter_norms(t.execution, weight, t.x, t.first, t.second); });
  // Bound by arithmetic, not by memory: a time, for a layer of at most 256 filters.
  const Layout layer{1, std::min<int64_t>(256, weight.channels), 2304};
  if (elements >= layer.size() && size <= int64_t{4} << 20) {
    Row distances = row("pairwise_distances", 0, Yardstick::kNone);
    distances.variant = "of a 3x3 convolution";
    add_row<Distances>(subject, rows, table->pairwise_distances, distances, layer, [=](const Distances& t) {
      return table->pairwise_distances(t.execution, layer, t.x, t.distances);
    });
  }
  return rows;
}

}  // namespace pare::tools::bench
