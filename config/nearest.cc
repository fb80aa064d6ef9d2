#include "config/nearest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace pare::config {

namespace {

std::string normalized(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != '_' && c != '-' && c != ' ') result += absl::ascii_tolower(static_cast<unsigned char>(c));
  }
  return result;
}

}  // namespace

size_t edit_distance(std::string_view left, std::string_view right) {
  if (left == right) return 0;
  if (left.size() > kMaxComparedLength || right.size() > kMaxComparedLength) return std::max(left.size(), right.size());
  const std::string a = normalized(left), b = normalized(right);
  // Three rows of the table d[i][j]: the distance of the first i characters of a and the first j of b.
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) current[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, previous);
    std::swap(previous, current);
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
  }
  return current[b.size()];
}

std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       size_t max_distance, size_t count) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    if (distance <= max_distance) ranked.emplace_back(distance, candidate);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(count, ranked.size()); ++i) names.push_back(ranked[i].second);
  return names;
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  const std::vector<std::string> names =
      nearest_names(name, candidates, std::max<size_t>(2, std::min(name.size(), kMaxComparedLength) / 2), 1);
  return names.empty() ? "" : names[0];
}

std::string suggestion(std::string_view name, const std::vector<std::string>& candidates) {
  if (const std::string best = nearest(name, candidates); !best.empty()) {
    return absl::StrCat("; did you mean ", quote(best), "?");
  }
  if (candidates.empty()) return "";
  constexpr size_t kMaxListed = 12;
  std::vector<std::string> listed(candidates.begin(), candidates.begin() + std::min(kMaxListed, candidates.size()));
  if (candidates.size() > kMaxListed) listed.push_back("...");
  return absl::StrCat("; known are: ", absl::StrJoin(listed, ", "));
}

std::string quote(std::string_view text) {
  constexpr size_t kMaxShown = 100;
  if (text.size() <= kMaxShown) return absl::StrCat("\"", std::string(text), "\"");
  size_t end = kMaxShown;
  while (end > 0 && (text[end] & 0xC0) == 0x80) --end;  // not in the middle of a UTF-8 character
  return absl::StrCat("\"", std::string(text.substr(0, end)), "...\"");
}

}  // namespace pare::config
