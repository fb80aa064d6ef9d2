#include "statistics/statistics.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace pare {

namespace {

bool is_number(const StatisticsValue& value) {
  return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

// The width on a screen: bytes that continue a UTF-8 character take no place of their own.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string pad(const std::string& text, size_t width, bool to_the_right) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return to_the_right ? space + text : text + space;
}

void strip_trailing_space(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

std::string to_text(const StatisticsValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const int64_t* integer = std::get_if<int64_t>(&value)) return absl::StrCat(*integer);
  if (const double* number = std::get_if<double>(&value)) return absl::StrFormat("%.6g", *number);
  return std::get<std::string>(value);
}

nlohmann::ordered_json to_json(const StatisticsValue& value) {
  if (const double* number = std::get_if<double>(&value); number != nullptr && !std::isfinite(*number)) return nullptr;
  return std::visit([](const auto& held) { return nlohmann::ordered_json(held); }, value);
}

void Table::add_row(std::vector<Cell> cells) {
  std::vector<StatisticsValue> row(columns_.size(), StatisticsValue(std::string()));
  for (size_t i = 0; i < std::min(cells.size(), row.size()); ++i) row[i] = std::move(cells[i].value);
  rows_.push_back(std::move(row));
}

std::string Table::to_text() const {
  std::vector<size_t> widths;
  std::vector<bool> to_the_right(columns_.size(), !rows_.empty());
  for (size_t column = 0; column < columns_.size(); ++column) {
    widths.push_back(width_of(columns_[column]));
    for (const std::vector<StatisticsValue>& row : rows_) {
      const std::string text = pare::to_text(row[column]);
      widths[column] = std::max(widths[column], width_of(text));
      if (!is_number(row[column]) && !text.empty()) to_the_right[column] = false;
    }
  }
  std::string result;
  const auto append_line = [&](const auto& text_of_column) {
    std::string line;
    for (size_t column = 0; column < columns_.size(); ++column) {
      absl::StrAppend(&line, column == 0 ? "" : "  ",
                      pad(text_of_column(column), widths[column], to_the_right[column]));
    }
    strip_trailing_space(line);
    absl::StrAppend(&result, line, "\n");
  };
  append_line([&](size_t column) { return columns_[column]; });
  append_line([&](size_t column) { return std::string(widths[column], '-'); });
  for (const std::vector<StatisticsValue>& row : rows_) {
    append_line([&](size_t column) { return pare::to_text(row[column]); });
  }
  return result;
}

nlohmann::ordered_json Table::to_json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const std::vector<StatisticsValue>& row : rows_) {
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (size_t column = 0; column < columns_.size(); ++column) object[columns_[column]] = pare::to_json(row[column]);
    list.push_back(std::move(object));
  }
  return list;
}

// Children and tables stand on the heap, so that references to them outlive the making of further entries.
struct Statistics::Entry {
  std::string name;
  StatisticsValue value;
  std::unique_ptr<Table> table;
  std::unique_ptr<Statistics> child;

  void clear() {
    value = StatisticsValue();
    table = nullptr;
    child = nullptr;
  }
};

Statistics::Statistics() = default;
Statistics::Statistics(Statistics&&) noexcept = default;
Statistics& Statistics::operator=(Statistics&&) noexcept = default;
Statistics::~Statistics() = default;

Statistics::Statistics(const Statistics& other) {
  for (const Entry& from : other.entries_) {
    entries_.push_back({from.name, from.value, from.table ? std::make_unique<Table>(*from.table) : nullptr,
                        from.child ? std::make_unique<Statistics>(*from.child) : nullptr});
  }
}

Statistics& Statistics::operator=(const Statistics& other) {
  Statistics copy(other);
  return *this = std::move(copy);
}

Statistics::Entry& Statistics::entry(const std::string& name) {
  for (Entry& candidate : entries_) {
    if (candidate.name == name) return candidate;
  }
  entries_.push_back({name, {}, nullptr, nullptr});
  return entries_.back();
}

void Statistics::set_value(const std::string& name, StatisticsValue value) {
  Entry& entry = this->entry(name);
  entry.clear();
  entry.value = std::move(value);
}

Statistics& Statistics::child(const std::string& name) {
  Entry& entry = this->entry(name);
  if (entry.child == nullptr) {
    entry.clear();
    entry.child = std::make_unique<Statistics>();
  }
  return *entry.child;
}

Table& Statistics::table(const std::string& name, std::vector<std::string> columns) {
  Entry& entry = this->entry(name);
  entry.clear();
  entry.table = std::make_unique<Table>(std::move(columns));
  return *entry.table;
}

bool Statistics::empty() const { return entries_.empty(); }

const Statistics::Entry* Statistics::find_entry(const std::string& path) const {
  for (const Entry& entry : entries_) {
    if (entry.name == path) return &entry;
    if (entry.child == nullptr || path.size() <= entry.name.size() + 1) continue;
    if (path.compare(0, entry.name.size(), entry.name) != 0 || path[entry.name.size()] != '.') continue;
    if (const Entry* found = entry.child->find_entry(path.substr(entry.name.size() + 1))) return found;
  }
  return nullptr;
}

const StatisticsValue* Statistics::find(const std::string& path) const {
  const Entry* entry = find_entry(path);
  return entry == nullptr || entry->table != nullptr || entry->child != nullptr ? nullptr : &entry->value;
}

const Table* Statistics::find_table(const std::string& path) const {
  const Entry* entry = find_entry(path);
  return entry == nullptr ? nullptr : entry->table.get();
}

void Statistics::merge(const Statistics& other) {
  const Statistics copy(other);  // `other` may be this tree, or a part of it
  for (const Entry& from : copy.entries_) {
    if (from.child != nullptr) {
      child(from.name).merge(*from.child);
    } else if (from.table != nullptr) {
      table(from.name, {}) = *from.table;
    } else {
      set_value(from.name, from.value);
    }
  }
}

void Statistics::append_text(int indent, std::string& text) const {
  const std::string margin(static_cast<size_t>(indent), ' ');
  size_t width = 0;
  for (const Entry& entry : entries_) {
    if (entry.table == nullptr && entry.child == nullptr) width = std::max(width, width_of(entry.name));
  }
  for (const Entry& entry : entries_) {
    if (entry.child != nullptr) {
      absl::StrAppend(&text, margin, entry.name, "\n");
      entry.child->append_text(indent + 2, text);
    } else if (entry.table != nullptr) {
      absl::StrAppend(&text, margin, entry.name, "\n");
      const std::string table = entry.table->to_text();
      for (size_t begin = 0; begin < table.size();) {
        const size_t end = table.find('\n', begin) + 1;
        absl::StrAppend(&text, margin, "  ", table.substr(begin, end - begin));
        begin = end;
      }
    } else {
      std::string line = margin + pad(entry.name, width, false) + "  " + pare::to_text(entry.value);
      strip_trailing_space(line);
      absl::StrAppend(&text, line, "\n");
    }
  }
}

std::string Statistics::to_text() const {
  std::string text;
  append_text(0, text);
  return text;
}

nlohmann::ordered_json Statistics::to_json() const {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Entry& entry : entries_) {
    object[entry.name] = entry.child   ? entry.child->to_json()
                         : entry.table ? entry.table->to_json()
                                       : pare::to_json(entry.value);
  }
  return object;
}

}  // namespace pare
