// tools/bench/report.h: measured rows as JSON and as a table.
//
//   Report report(describe_machine());
//   report.add(subject, row, seconds);
//   out << report.table();
//   file << report.json().dump(2);

#ifndef PARE_TOOLS_BENCH_REPORT_H_
#define PARE_TOOLS_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tools/bench/rows.h"
#include "tools/bench/subject.h"

namespace pare::tools::bench {

class Report {
 public:
  // machine: an object; what was measured on and how. It stands first.
  explicit Report(nlohmann::ordered_json machine) : machine_(std::move(machine)) {}

  // seconds: the median of a call's time.
  void add(const Subject& subject, const Row& row, double seconds);

  // A row that has no figure, and why.
  void add_without_figure(const Subject& subject, const Row& row, const std::string& reason);

  // {"machine": {...}, "rows": [{"backend", "device", "threads", "name", "variant", "size", "bytes", "seconds",
  // "bytes_per_second", "against", "ratio"}], "without_figure": [{"backend", ..., "size", "reason"}]}. ratio: this
  // row's bytes a second over its yardstick's; for what is compared with a row of Pare's, how many times faster that
  // one is. "against" and "ratio" are there if the yardstick has been measured.
  nlohmann::ordered_json json() const;

  // Markdown: a line a kernel, its ratio to its yardstick for every size and number of threads.
  std::string table() const;

 private:
  struct Measured {
    std::string backend, device;
    int threads;
    Row row;
    double seconds;      // Zero without a figure.
    std::string reason;  // Why it has none.
    double bytes_per_second() const { return static_cast<double>(row.bytes) / seconds; }
  };

  // What was measured with the same backend, device, threads and size as `like`.
  template <typename Wanted>
  std::vector<const Measured*> find(const Measured& like, const Wanted& wanted) const;
  // The row that this one is held against.
  const Measured* yardstick_of(const Measured& measured) const;
  std::optional<double> ratio_of(const Measured& measured) const;
  std::string cell_of(const Measured& measured) const;
  std::string table_of(const std::string& backend) const;
  std::string list_without_figure(const std::string& backend) const;

  nlohmann::ordered_json machine_;
  std::vector<Measured> rows_;
};

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_REPORT_H_
