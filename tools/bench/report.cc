#include "tools/bench/report.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pare::tools::bench {
namespace {

// "64 MiB": the size of a float tensor of so many elements.
std::string size_of(int64_t elements) {
  const int64_t bytes = 4 * elements;
  return bytes >= 1 << 20 ? absl::StrCat(bytes >> 20, " MiB") : absl::StrCat(bytes >> 10, " KiB");
}

}  // namespace

void Report::add(const Subject& subject, const Row& row, double seconds) {
  rows_.push_back({subject.backend->name, subject.device, subject.threads, row, seconds});
}

const Report::Measured* Report::find(const Measured& like, const std::string& label) const {
  for (const Measured& other : rows_) {
    if (other.backend == like.backend && other.threads == like.threads && other.row.elements == like.row.elements &&
        label_of(other.row) == label) {
      return &other;
    }
  }
  return nullptr;
}

const Report::Measured* Report::yardstick_of(const Measured& measured) const {
  switch (measured.row.yardstick) {
    case Yardstick::kCopy:
      return find(measured, "copy");
    case Yardstick::kRead: {
      const Measured* const read = find(measured, "read");
      return read != nullptr ? read : find(measured, "copy");
    }
    case Yardstick::kKernel:
      return find(measured, measured.row.compared_with);
    case Yardstick::kNone:
      return nullptr;
  }
  return nullptr;
}

std::optional<double> Report::ratio_of(const Measured& measured) const {
  const Measured* const yardstick = yardstick_of(measured);
  if (yardstick == nullptr) return std::nullopt;
  if (measured.row.yardstick == Yardstick::kKernel) return measured.seconds / yardstick->seconds;
  return measured.bytes_per_second() / yardstick->bytes_per_second();
}

nlohmann::json Report::json(const nlohmann::json& machine) const {
  nlohmann::json rows = nlohmann::json::array();
  for (const Measured& measured : rows_) {
    nlohmann::json row = {{"backend", measured.backend},
                          {"device", measured.device},
                          {"threads", measured.threads},
                          {"name", measured.row.name},
                          {"variant", measured.row.variant},
                          {"elements", measured.row.elements},
                          {"bytes", measured.row.bytes},
                          {"seconds", measured.seconds},
                          {"bytes_per_second", measured.bytes_per_second()}};
    if (const std::optional<double> ratio = ratio_of(measured)) {
      row["against"] = label_of(yardstick_of(measured)->row);
      row["ratio"] = *ratio;
    }
    rows.push_back(std::move(row));
  }
  return {{"machine", machine}, {"rows", std::move(rows)}};
}

std::string Report::table(const nlohmann::json& machine) const {
  std::string text;
  for (const auto& [key, value] : machine.items()) {
    absl::StrAppend(&text, "- ", key, ": ", value.is_string() ? value.get<std::string>() : value.dump(), "\n");
  }
  // Columns: what differs besides the kernel. Rows: kernels, in the order in which they were first seen.
  std::vector<std::string> subjects;
  std::map<std::string, std::string> devices;
  for (const Measured& measured : rows_) {
    if (devices.emplace(measured.backend, measured.device).second) subjects.push_back(measured.backend);
  }
  for (const std::string& subject : subjects) {
    std::vector<std::pair<int, int64_t>> columns;
    std::vector<std::string> labels;
    for (const Measured& measured : rows_) {
      if (measured.backend != subject) continue;
      const std::pair<int, int64_t> column{measured.threads, measured.row.elements};
      if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
      const std::string label = label_of(measured.row);
      if (std::find(labels.begin(), labels.end(), label) == labels.end()) labels.push_back(label);
    }
    std::sort(columns.begin(), columns.end());
    absl::StrAppend(&text, "\n### ", subject, devices[subject].empty() ? "" : absl::StrCat(": ", devices[subject]),
                    "\n\n| kernel | against |");
    for (const auto& [threads, elements] : columns) {
      absl::StrAppend(&text, " ", size_of(elements),
                      devices[subject].empty() ? absl::StrCat(", ", threads, " thr.") : "", " |");
    }
    absl::StrAppend(&text, "\n|---|---|");
    for (size_t i = 0; i < columns.size(); ++i) absl::StrAppend(&text, "---|");
    absl::StrAppend(&text, "\n");
    for (const std::string& label : labels) {
      std::string against, cells;
      for (const auto& [threads, elements] : columns) {
        const auto found = std::find_if(rows_.begin(), rows_.end(), [&, t = threads, e = elements](const Measured& m) {
          return m.backend == subject && m.threads == t && m.row.elements == e && label_of(m.row) == label;
        });
        absl::StrAppend(&cells, " ");
        if (found != rows_.end()) {
          const std::optional<double> ratio = ratio_of(*found);
          if (found->row.bytes == 0) {
            absl::StrAppend(&cells, absl::StrFormat("%.1f us", found->seconds * 1e6));
          } else if (!ratio.has_value()) {
            absl::StrAppend(&cells, absl::StrFormat("%.1f GB/s", found->bytes_per_second() / 1e9));
          } else if (found->row.yardstick == Yardstick::kKernel) {
            against = label_of(yardstick_of(*found)->row);
            absl::StrAppend(&cells, absl::StrFormat("%.1f times slower", *ratio));
          } else {
            against = label_of(yardstick_of(*found)->row);
            absl::StrAppend(&cells, absl::StrFormat("%.2f", *ratio));
          }
        }
        absl::StrAppend(&cells, " |");
      }
      absl::StrAppend(&text, "| ", label, " | ", against, " |", cells, "\n");
    }
  }
  return text;
}

}  // namespace pare::tools::bench
