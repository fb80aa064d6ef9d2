// statistics/statistics.h: what a method has to say about itself: a tree of named values and tables.
//
//   Statistics statistics;
//   statistics.set("compression_rate", 3.97);
//   statistics.child("quantization").set("bits", 8);
//   Table& table = statistics.table("layers", {"name", "bits", "share"});
//   table.add_row({"conv1", 8, 0.25});
//   std::cout << statistics.to_text();
//   log << statistics.to_json().dump() << "\n";   // a line an epoch
//
// Entries keep the order in which they were made; setting a name again replaces its value in place.

#ifndef PARE_STATISTICS_STATISTICS_H_
#define PARE_STATISTICS_STATISTICS_H_

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "nlohmann/json.hpp"

namespace pare {

// int64_t for every integer; a NaN or infinite double is null in JSON and "nan" or "inf" in text.
using StatisticsValue = std::variant<bool, int64_t, double, std::string>;

// From a bool, an integer, a floating point number, or what a string can be made of.
template <typename T>
StatisticsValue to_statistics_value(T&& value);
std::string to_text(const StatisticsValue& value);  // a double with six significant digits
nlohmann::ordered_json to_json(const StatisticsValue& value);

class Table {
 public:
  // Anything that to_statistics_value() takes.
  struct Cell {
    template <typename T>
    requires(!std::is_same_v<std::remove_cvref_t<T>, Cell>) Cell(T&& value)
        : value(to_statistics_value(std::forward<T>(value))) {}  // NOLINT: so that rows read as lists
    StatisticsValue value;
  };
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  // A row shorter than the columns is filled with empty cells; what is beyond them is dropped.
  void add_row(std::vector<Cell> cells);
  const std::vector<std::string>& columns() const { return columns_; }
  const std::vector<std::vector<StatisticsValue>>& rows() const { return rows_; }
  std::string to_text() const;             // columns aligned, numbers to the right
  nlohmann::ordered_json to_json() const;  // a list of objects, one a row

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<StatisticsValue>> rows_;
};

class Statistics {
 public:
  Statistics();
  Statistics(const Statistics&);
  Statistics& operator=(const Statistics&);
  Statistics(Statistics&&) noexcept;
  Statistics& operator=(Statistics&&) noexcept;
  ~Statistics();

  template <typename T>
  void set(const std::string& name, T&& value) {
    set_value(name, to_statistics_value(std::forward<T>(value)));
  }
  // Made on first use, and then again when something else has taken the name. The reference lives until the name is
  // given to something else, or the tree ends.
  Statistics& child(const std::string& name);
  // Replaces what has that name. The reference lives as child()'s.
  Table& table(const std::string& name, std::vector<std::string> columns);

  bool empty() const;
  // The value at a path of names separated by dots, or nullptr. The names may hold dots themselves
  // ("layers.layer1.0.conv1").
  const StatisticsValue* find(const std::string& path) const;
  const Table* find_table(const std::string& path) const;

  // Takes over every entry of `other`: children are merged, values and tables of the same name replaced.
  void merge(const Statistics& other);

  // A line a value, names aligned; children and tables indented under their names. Every line ends with a newline.
  std::string to_text() const;
  // An object: children are objects, tables lists of objects.
  nlohmann::ordered_json to_json() const;

 private:
  struct Entry;
  void set_value(const std::string& name, StatisticsValue value);
  Entry& entry(const std::string& name);  // made if there is none
  const Entry* find_entry(const std::string& path) const;
  void append_text(int indent, std::string& text) const;

  std::vector<Entry> entries_;
};

template <typename T>
StatisticsValue to_statistics_value(T&& value) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::is_same_v<Plain, StatisticsValue> || std::is_same_v<Plain, bool>) {
    return std::forward<T>(value);
  } else if constexpr (std::is_integral_v<Plain>) {
    return static_cast<int64_t>(value);
  } else if constexpr (std::is_floating_point_v<Plain>) {
    return static_cast<double>(value);
  } else {
    return std::string(std::forward<T>(value));
  }
}

}  // namespace pare

#endif  // PARE_STATISTICS_STATISTICS_H_
