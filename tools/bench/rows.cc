#include "tools/bench/rows.h"

#include "absl/strings/str_cat.h"

namespace pare::tools::bench {

std::string label_of(const Row& row) {
  return row.variant.empty() ? row.name : absl::StrCat(row.name, ", ", row.variant);
}

std::vector<Row> filtered_rows(const std::vector<Row>& rows, const std::function<bool(const std::string&)>& wanted) {
  std::vector<bool> kept(rows.size());
  const auto keep = [&](size_t i) {
    kept[i] = true;
    // What a row is compared with has a yardstick of its own at most, which stays anyway.
    for (size_t j = 0; j < rows.size(); ++j) {
      if (label_of(rows[j]) == rows[i].compared_with) kept[j] = true;
    }
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].name == kCopyName || rows[i].name == kReadName || wanted(label_of(rows[i]))) keep(i);
  }
  std::vector<Row> result;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (kept[i]) result.push_back(rows[i]);
  }
  return result;
}

std::vector<Row> all_rows(const Subject& subject, int64_t size) {
  std::vector<Row> all;
  for (const auto& family :
       {yardstick_rows, fake_quantize_rows, statistics_rows, sparsity_rows, filter_rows, storage_rows, aten_rows}) {
    for (Row& row : family(subject, size)) all.push_back(std::move(row));
  }
  return all;
}

}  // namespace pare::tools::bench
