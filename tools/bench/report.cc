#include "tools/bench/report.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pare::tools::bench {
namespace {

// "64 MiB"
std::string words_of(int64_t size) {
  return size >= 1 << 20 && size % (1 << 20) == 0 ? absl::StrCat(size >> 20, " MiB") : absl::StrCat(size >> 10, " KiB");
}

template <typename T>
void add_once(const T& value, std::vector<T>& values) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
}

}  // namespace

void Report::add(const Subject& subject, const Row& row, double seconds) {
  rows_.push_back({subject.name, subject.device, subject.threads, row, seconds, ""});
}

void Report::add_without_figure(const Subject& subject, const Row& row, const std::string& reason) {
  rows_.push_back({subject.name, subject.device, subject.threads, row, 0, reason});
}

template <typename Wanted>
std::vector<const Report::Measured*> Report::find(const Measured& like, const Wanted& wanted) const {
  std::vector<const Measured*> found;
  for (const Measured& other : rows_) {
    if (other.reason.empty() && other.backend == like.backend && other.threads == like.threads &&
        other.row.size == like.row.size && wanted(other.row)) {
      found.push_back(&other);
    }
  }
  return found;
}

const Report::Measured* Report::yardstick_of(const Measured& measured) const {
  const auto fastest = [&](const auto& wanted) -> const Measured* {
    const std::vector<const Measured*> found = find(measured, wanted);
    const auto best = std::min_element(found.begin(), found.end(),
                                       [](const Measured* a, const Measured* b) { return a->seconds < b->seconds; });
    return best == found.end() ? nullptr : *best;
  };
  const auto named = [&](const char* name) { return fastest([name](const Row& row) { return row.name == name; }); };
  switch (measured.row.yardstick) {
    case Yardstick::kCopy:
      return named(kCopyName);
    case Yardstick::kRead: {
      const Measured* const read = named(kReadName);
      return read != nullptr ? read : named(kCopyName);
    }
    case Yardstick::kOperation:
      return fastest([&](const Row& row) { return label_of(row) == measured.row.compared_with; });
    case Yardstick::kNone:
      return nullptr;
  }
  return nullptr;
}

std::optional<double> Report::ratio_of(const Measured& measured) const {
  const Measured* const yardstick = yardstick_of(measured);
  if (yardstick == nullptr) return std::nullopt;
  if (measured.row.yardstick == Yardstick::kOperation) return measured.seconds / yardstick->seconds;
  return measured.bytes_per_second() / yardstick->bytes_per_second();
}

nlohmann::ordered_json Report::json() const {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array(), without = nlohmann::ordered_json::array();
  for (const Measured& measured : rows_) {
    nlohmann::ordered_json row = {{"backend", measured.backend},     {"device", measured.device},
                                  {"threads", measured.threads},     {"name", measured.row.name},
                                  {"variant", measured.row.variant}, {"size", measured.row.size}};
    if (!measured.reason.empty()) {
      row["reason"] = measured.reason;
      without.push_back(std::move(row));
      continue;
    }
    row["bytes"] = measured.row.bytes;
    row["seconds"] = measured.seconds;
    row["bytes_per_second"] = measured.bytes_per_second();
    if (const std::optional<double> ratio = ratio_of(measured)) {
      row["against"] = label_of(yardstick_of(measured)->row);
      row["ratio"] = *ratio;
    }
    rows.push_back(std::move(row));
  }
  return {{"machine", machine_}, {"rows", std::move(rows)}, {"without_figure", std::move(without)}};
}

std::string Report::cell_of(const Measured& measured) const {
  if (!measured.reason.empty()) return "-";
  if (measured.row.bytes == 0) return absl::StrFormat("%.1f us", measured.seconds * 1e6);
  const std::optional<double> ratio = ratio_of(measured);
  if (!ratio.has_value()) return absl::StrFormat("%.1f GB/s", measured.bytes_per_second() / 1e9);
  if (measured.row.yardstick == Yardstick::kOperation) return absl::StrFormat("%.1f times slower", *ratio);
  return absl::StrFormat("%.2f", *ratio);
}

std::string Report::table_of(const std::string& backend) const {
  // Columns: what differs besides the kernel. Rows: kernels, in the order in which they were first seen.
  std::vector<std::pair<int, int64_t>> columns;
  std::vector<std::string> labels;
  std::string device;
  for (const Measured& measured : rows_) {
    if (measured.backend != backend) continue;
    add_once(std::pair(measured.threads, measured.row.size), columns);
    add_once(label_of(measured.row), labels);
    device = measured.device;
  }
  std::sort(columns.begin(), columns.end());
  std::string text =
      absl::StrCat("\n### ", backend, device.empty() ? "" : absl::StrCat(", ", device), "\n\n| kernel | against |");
  for (const auto& [threads, size] : columns) {
    absl::StrAppend(&text, " ", words_of(size), device.empty() ? absl::StrCat(", ", threads, " thr.") : "", " |");
  }
  absl::StrAppend(&text, "\n|---|---|");
  for (size_t i = 0; i < columns.size(); ++i) absl::StrAppend(&text, "---|");
  absl::StrAppend(&text, "\n");
  for (const std::string& label : labels) {
    std::string against, cells;
    for (const auto& [threads, size] : columns) {
      const auto found = std::find_if(rows_.begin(), rows_.end(), [&, t = threads, s = size](const Measured& m) {
        return m.backend == backend && m.threads == t && m.row.size == s && label_of(m.row) == label;
      });
      absl::StrAppend(&cells, " ", found == rows_.end() ? "" : cell_of(*found), " |");
      if (found == rows_.end()) continue;
      // Which copy is the fastest may differ from column to column.
      if (const Measured* const yardstick = yardstick_of(*found); yardstick != nullptr) {
        against = found->row.yardstick == Yardstick::kOperation ? label_of(yardstick->row) : yardstick->row.name;
      }
    }
    absl::StrAppend(&text, "| ", label, " | ", against, " |", cells, "\n");
  }
  return text;
}

std::string Report::list_without_figure(const std::string& backend) const {
  std::vector<std::string> lines;
  for (const Measured& measured : rows_) {
    if (measured.backend != backend || measured.reason.empty()) continue;
    add_once(absl::StrCat("- ", label_of(measured.row), ", ", words_of(measured.row.size), ": ", measured.reason, "\n"),
             lines);
  }
  std::string text;
  if (!lines.empty()) text = "\nNot measured:\n\n";
  for (const std::string& line : lines) absl::StrAppend(&text, line);
  return text;
}

std::string Report::table() const {
  std::string text;
  for (const auto& [key, value] : machine_.items()) {
    absl::StrAppend(&text, "- ", key, ": ", value.is_string() ? value.get<std::string>() : value.dump(), "\n");
  }
  std::vector<std::string> backends;
  for (const Measured& measured : rows_) add_once(measured.backend, backends);
  for (const std::string& backend : backends) {
    absl::StrAppend(&text, table_of(backend), list_without_figure(backend));
  }
  return text;
}

}  // namespace pare::tools::bench
