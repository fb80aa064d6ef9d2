#include <algorithm>
#include <memory>
#include <utility>

#include "backends/selection.h"
#include "base/status_macros.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;
using Run = absl::StatusOr<std::function<absl::Status()>>;

// A row for a kernel that reads `elements` floats.
Row reading_row(std::string name, std::string variant, int64_t elements) {
  return {.name = std::move(name),
          .variant = std::move(variant),
          .elements = elements,
          .bytes = 4 * elements,
          .yardstick = Yardstick::kRead};
}

// elements: of the column that the rows stand in; the layout has as many, or a few less.
void add_rows(const Subject& subject, int64_t elements, const Layout& layout, const std::string& variant,
              std::vector<Row>& rows) {
  const auto* const table = subject.table<float>();
  if (table->min_max != nullptr) {
    rows.push_back(reading_row("min_max", variant, elements));
    rows.back().prepare = [=]() -> Run {
      const auto workspace = std::make_shared<Workspace>(subject);
      PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
      PARE_ASSIGN_OR_RETURN(float* const min, workspace->zeros<float>(layout.channels));
      PARE_ASSIGN_OR_RETURN(float* const max, workspace->zeros<float>(layout.channels));
      return [=, keep = workspace] { return table->min_max(subject.execution, layout, x, min, max); };
    };
  }
  if (table->abs_max != nullptr) {
    rows.push_back(reading_row("abs_max", variant, elements));
    rows.back().prepare = [=]() -> Run {
      const auto workspace = std::make_shared<Workspace>(subject);
      PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
      PARE_ASSIGN_OR_RETURN(float* const result, workspace->zeros<float>(layout.channels));
      return [=, keep = workspace] { return table->abs_max(subject.execution, layout, x, result); };
    };
  }
  if (table->mean_variance != nullptr) {
    rows.push_back(reading_row("mean_variance", variant, elements));
    rows.back().prepare = [=]() -> Run {
      const auto workspace = std::make_shared<Workspace>(subject);
      PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
      PARE_ASSIGN_OR_RETURN(float* const mean, workspace->zeros<float>(layout.channels));
      PARE_ASSIGN_OR_RETURN(float* const variance, workspace->zeros<float>(layout.channels));
      return [=, keep = workspace] { return table->mean_variance(subject.execution, layout, x, mean, variance); };
    };
  }
  if (table->histogram != nullptr) {
    rows.push_back(reading_row("histogram, 2048 bins", variant, elements));
    rows.back().prepare = [=]() -> Run {
      constexpr int64_t kBins = 2048;
      const auto workspace = std::make_shared<Workspace>(subject);
      const auto numbers = [&](float number) {
        return workspace->copy_of(std::vector<float>(layout.channels, number));
      };
      PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
      PARE_ASSIGN_OR_RETURN(float* const low, numbers(-4));
      PARE_ASSIGN_OR_RETURN(float* const high, numbers(4));
      PARE_ASSIGN_OR_RETURN(float* const width, numbers(8.0f / kBins));
      PARE_ASSIGN_OR_RETURN(float* const inverse_width, numbers(kBins / 8.0f));
      PARE_ASSIGN_OR_RETURN(int64_t* const counts, workspace->zeros<int64_t>(layout.channels * (kBins + 2)));
      return [=, keep = workspace] {
        return table->histogram(subject.execution, layout, x, {low, high, width, inverse_width, kBins}, counts);
      };
    };
  }
}

// Selection in `tensors` tensors of equal sizes, on the host: its logic runs there, and reads a sample.
Row selection_row(const Subject& subject, int64_t elements, int64_t tensors, std::string variant) {
  const auto* const table = subject.table<float>();
  Row row = reading_row("selection", std::move(variant), elements);
  row.prepare = [=]() -> Run {
    const auto workspace = std::make_shared<Workspace>(subject);
    const auto parts = std::make_shared<std::vector<backends::SelectionPart<float>>>();
    PARE_ASSIGN_OR_RETURN(float* const x, workspace->random<float>(elements));
    const int64_t size = elements / tensors;
    for (int64_t i = 0; i < tensors; ++i) {
      parts->push_back({x + i * size, Layout::per_tensor(size), /*magnitude=*/tensors > 1});
    }
    return [=, keep = workspace] {
      if (tensors > 1) return threshold_for_level<float>(*table, subject.execution, *parts, 0.5).status();
      const int64_t middle = elements / 2;
      return select_ranks<float>(*table, subject.execution, *parts, {middle}).status();
    };
  };
  return row;
}

}  // namespace

std::vector<Row> statistics_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  if (subject.table<float>() == nullptr) return rows;
  const int64_t channels = std::max<int64_t>(1, std::min<int64_t>(512, elements / 2304));
  add_rows(subject, elements, Layout::per_tensor(elements), "per tensor", rows);
  add_rows(subject, elements, {1, channels, elements / channels}, "per channel", rows);
  add_rows(subject, elements, {elements / 64, 64, 1}, "channels last", rows);
  if (subject.backend->memory == nullptr && subject.table<float>()->key_histogram != nullptr) {
    rows.push_back(selection_row(subject, elements, 1, "k-th value"));
    rows.push_back(selection_row(subject, elements, 60, "threshold over 60 tensors"));
  }
  return rows;
}

}  // namespace pare::tools::bench
