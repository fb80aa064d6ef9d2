#include <utility>

#include "backends/selection.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;

constexpr int64_t kBins = 2048;

template <typename T>
struct Tensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(const Layout& layout) {
    PARE_ASSIGN_OR_RETURN(x, random<T>(layout.size()));
    PARE_ASSIGN_OR_RETURN(first, zeros<float>(layout.channels));
    PARE_ASSIGN_OR_RETURN(second, zeros<float>(layout.channels));
    return absl::OkStatus();
  }

  T* x = nullptr;
  float *first = nullptr, *second = nullptr;
};

template <typename T>
struct HistogramTensors : Tensors<T> {
  using Tensors<T>::Tensors;
  absl::Status make(const Layout& layout) {
    PARE_RETURN_IF_ERROR(Tensors<T>::make(layout));
    PARE_ASSIGN_OR_RETURN(bins.low, this->filled(-4.0f, layout.channels));
    PARE_ASSIGN_OR_RETURN(bins.high, this->filled(4.0f, layout.channels));
    PARE_ASSIGN_OR_RETURN(bins.width, this->filled(8.0f / kBins, layout.channels));
    PARE_ASSIGN_OR_RETURN(bins.inverse_width, this->filled(kBins / 8.0f, layout.channels));
    bins.bins = kBins;
    PARE_ASSIGN_OR_RETURN(counts, this->template zeros<int64_t>(layout.channels * bins.counts()));
    return absl::OkStatus();
  }

  backends::HistogramBins bins{};
  int64_t* counts = nullptr;
};

template <typename T>
void add_rows(const Subject& subject, int64_t size, const Layout& layout, const std::string& variant,
              std::vector<Row>& rows) {
  const auto* const table = subject.table<T>();
  if (table == nullptr) return;
  const auto row = [&](const char* name) {
    return Row{.name = name,
               .variant = variant + type_suffix<T>(),
               .size = size,
               .bytes = static_cast<int64_t>(layout.size() * sizeof(T)),
               .yardstick = Yardstick::kRead};
  };
  using Arrays = Tensors<T>;
  add_row<Arrays>(subject, rows, table->min_max, row("min_max"), layout,
                  [=](const Arrays& t) { return table->min_max(t.execution, layout, t.x, t.first, t.second); });
  add_row<Arrays>(subject, rows, table->abs_max, row("abs_max"), layout,
                  [=](const Arrays& t) { return table->abs_max(t.execution, layout, t.x, t.first); });
  add_row<Arrays>(subject, rows, table->mean_variance, row("mean_variance"), layout,
                  [=](const Arrays& t) { return table->mean_variance(t.execution, layout, t.x, t.first, t.second); });
  add_row<HistogramTensors<T>>(
      subject, rows, table->histogram, row("histogram, 2048 bins"), layout,
      [=](const HistogramTensors<T>& t) { return table->histogram(t.execution, layout, t.x, t.bins, t.counts); });
}

// Selection in `tensors` tensors of equal sizes, on the host: its logic runs there, and reads a sample.
void add_selection(const Subject& subject, int64_t size, int64_t tensors, std::string variant, std::vector<Row>& rows) {
  const auto* const table = subject.table<float>();
  const Layout part = Layout::per_tensor(size / 4 / tensors);
  const int64_t elements = tensors * part.size();
  add_row<Tensors<float>>(subject, rows, part.size() == 0 ? nullptr : table->key_histogram,
                          {.name = "selection",
                           .variant = std::move(variant),
                           .size = size,
                           .bytes = 4 * elements,
                           .yardstick = Yardstick::kRead},
                          Layout::per_tensor(elements), [=](const Tensors<float>& t) {
                            std::vector<backends::SelectionPart<float>> parts;
                            for (int64_t i = 0; i < tensors; ++i) {
                              parts.push_back({t.x + i * part.size(), part, /*magnitude=*/tensors > 1});
                            }
                            if (tensors > 1) {
                              return threshold_for_level<float>(*table, t.execution, parts, 0.5).status();
                            }
                            return select_ranks<float>(*table, t.execution, parts, {elements / 2}).status();
                          });
}

}  // namespace

std::vector<Row> statistics_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  if (subject.table<float>() == nullptr) return rows;
  const int64_t elements = size / 4;
  add_rows<float>(subject, size, Layout::per_tensor(elements), "per tensor", rows);
  add_rows<float>(subject, size, weight_layout(elements), "per channel", rows);
  add_rows<float>(subject, size, channels_last_layout(elements), "channels last", rows);
  add_rows<backends::Half>(subject, size, Layout::per_tensor(size / 2), "per tensor", rows);
  add_rows<backends::BFloat16>(subject, size, Layout::per_tensor(size / 2), "per tensor", rows);
  if (subject.is_on_host()) {
    add_selection(subject, size, 1, "k-th value", rows);
    add_selection(subject, size, 60, "threshold over 60 tensors", rows);
  }
  return rows;
}

}  // namespace pare::tools::bench
