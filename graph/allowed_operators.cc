#include "graph/allowed_operators.h"

#include <algorithm>
#include <mutex>
#include <set>

namespace pare::graph {

namespace {

struct Added {
  std::mutex mutex;
  std::set<std::string, std::less<>> names;
};

Added& added() {
  static auto* const added = new Added;
  return *added;
}

}  // namespace

bool is_allowed_operator(std::string_view name) {
  const absl::Span<const std::string_view> list = operators_allowed_by_default();
  if (std::binary_search(list.begin(), list.end(), name)) return true;
  const std::lock_guard<std::mutex> lock(added().mutex);
  return added().names.count(name) > 0;
}

void allow_operators(const std::vector<std::string>& names) {
  const std::lock_guard<std::mutex> lock(added().mutex);
  added().names.insert(names.begin(), names.end());
}

}  // namespace pare::graph
