#include <algorithm>
#include <memory>

#include "base/status_macros.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;
using Run = absl::StatusOr<std::function<absl::Status()>>;

struct Tensors {
  explicit Tensors(const Subject& subject) : workspace(subject) {}

  absl::Status make(const Layout& layout, bool with_gradient) {
    PARE_ASSIGN_OR_RETURN(x, workspace.random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(y, workspace.zeros<float>(layout.size()));
    if (with_gradient) {
      PARE_ASSIGN_OR_RETURN(dy, workspace.random<float>(layout.size()));
    }
    PARE_ASSIGN_OR_RETURN(scale, workspace.copy_of(std::vector<float>(layout.channels, 0.8f)));
    PARE_ASSIGN_OR_RETURN(threshold, workspace.copy_of(std::vector<float>(layout.channels, 0.1f)));
    for (float** sums : {&first, &second, &third}) {
      PARE_ASSIGN_OR_RETURN(*sums, workspace.zeros<float>(layout.channels));
    }
    return absl::OkStatus();
  }

  Workspace workspace;
  float *x = nullptr, *dy = nullptr, *y = nullptr, *scale = nullptr, *threshold = nullptr;
  float *first = nullptr, *second = nullptr, *third = nullptr;
};

template <typename Call>
Row make_row(const Subject& subject, const Layout& layout, Row row, bool with_gradient, const Call& call) {
  row.prepare = [=]() -> Run {
    const auto tensors = std::make_shared<Tensors>(subject);
    PARE_RETURN_IF_ERROR(tensors->make(layout, with_gradient));
    return [=] { return call(*tensors); };
  };
  return row;
}

}  // namespace

std::vector<Row> filter_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  const auto* const table = subject.table<float>();
  if (table == nullptr) return rows;
  const backends::Execution execution = subject.execution;
  const int64_t filters = std::max<int64_t>(1, std::min<int64_t>(512, elements / 2304));
  const Layout weight{1, filters, elements / filters}, activation{elements / (64 * 64), 64, 64};
  if (table->binarize_weights != nullptr) {
    rows.push_back(make_row(
        subject, weight,
        {.name = "binarize_weights", .elements = elements, .bytes = 8 * weight.size(), .yardstick = Yardstick::kCopy},
        false, [=](const Tensors& t) { return table->binarize_weights(execution, weight, t.x, t.scale, t.y); }));
  }
  if (table->binarize_activations_forward != nullptr && activation.size() > 0) {
    rows.push_back(make_row(subject, activation,
                            {.name = "binarize_activations_forward",
                             .elements = elements,
                             .bytes = 8 * activation.size(),
                             .yardstick = Yardstick::kCopy},
                            false, [=](const Tensors& t) {
                              return table->binarize_activations_forward(execution, activation, t.x, t.scale,
                                                                         t.threshold, t.y);
                            }));
  }
  if (table->binarize_activations_backward != nullptr && activation.size() > 0) {
    rows.push_back(make_row(subject, activation,
                            {.name = "binarize_activations_backward",
                             .elements = elements,
                             .bytes = 12 * activation.size(),
                             .yardstick = Yardstick::kCopy},
                            true, [=](const Tensors& t) {
                              const backends::BinarizationSums sums{t.first, t.second, t.third};
                              return table->binarize_activations_backward(execution, activation, t.dy, t.x, t.scale,
                                                                          t.threshold, t.y, &sums);
                            }));
  }
  if (table->filter_norms != nullptr) {
    rows.push_back(make_row(
        subject, weight,
        {.name = "filter_norms", .elements = elements, .bytes = 4 * weight.size(), .yardstick = Yardstick::kRead},
        false, [=](const Tensors& t) { return table->filter_norms(execution, weight, t.x, t.first, t.second); }));
  }
  // Bound by arithmetic, not by memory: a figure of its own, for a layer of at most 4 MiB.
  const Layout layer{1, std::min<int64_t>(256, filters), 2304};
  if (table->pairwise_distances != nullptr && elements >= layer.size() && elements <= int64_t{1} << 20) {
    Row row{.name = "pairwise_distances", .elements = elements, .bytes = 4 * layer.size()};
    row.prepare = [=]() -> Run {
      const auto workspace = std::make_shared<Workspace>(subject);
      PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(layer.size()));
      PARE_ASSIGN_OR_RETURN(float* const distances, workspace->zeros<float>(layer.channels * layer.channels));
      return [=, keep = workspace] { return table->pairwise_distances(execution, layer, x, distances); };
    };
    rows.push_back(row);
  }
  return rows;
}

}  // namespace pare::tools::bench
