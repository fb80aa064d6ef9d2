// tools/bench/report.h: measured rows as JSON and as a table.
//
//   Report report;
//   report.add(subject, row, seconds);
//   out << report.table();
//   file << report.json().dump(2);

#ifndef PARE_TOOLS_BENCH_REPORT_H_
#define PARE_TOOLS_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tools/bench/rows.h"
#include "tools/bench/subject.h"

namespace pare::tools::bench {

class Report {
 public:
  // seconds: the median of a call's time.
  void add(const Subject& subject, const Row& row, double seconds);

  // {"machine": {...}, "rows": [{"backend", "device", "threads", "name", "variant", "elements", "bytes", "seconds",
  // "bytes_per_second", "against", "ratio"}]}. ratio: this row's bytes a second over its yardstick's; for what is
  // compared with a row of Pare's, how many times faster that one is.
  nlohmann::json json(const nlohmann::json& machine) const;

  // Markdown: a line a kernel, its ratio to its yardstick at every size and number of threads.
  std::string table(const nlohmann::json& machine) const;

 private:
  struct Measured {
    std::string backend, device;
    int threads;
    Row row;
    double seconds;
    double bytes_per_second() const { return static_cast<double>(row.bytes) / seconds; }
  };
  const Measured* find(const Measured& like, const std::string& label) const;
  // The row that this one is held against.
  const Measured* yardstick_of(const Measured& measured) const;
  std::optional<double> ratio_of(const Measured& measured) const;

  std::vector<Measured> rows_;
};

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_REPORT_H_
