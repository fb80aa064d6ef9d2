// config/nearest.h: the name that a person probably meant.
//
//   nearest("sparcity_target", {"sparsity_init", "sparsity_target"})   // "sparsity_target"
//   suggestion("powr", {"power", "concave"})                           // "; did you mean \"power\"?"
//
// Distances are optimal string alignment: insertions, deletions, substitutions and swaps of neighbours each count one.
// Upper and lower case, '_', '-' and ' ' make no difference, so "targetDevice" is as near as can be to "target_device".
// Strings longer than kMaxComparedLength are compared for equality only, so that hostile input costs no time.

#ifndef PARE_CONFIG_NEAREST_H_
#define PARE_CONFIG_NEAREST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pare::config {

inline constexpr size_t kMaxComparedLength = 256;

size_t edit_distance(std::string_view a, std::string_view b);

// The candidates within `max_distance` of `name`, nearest first (alphabetical among equals), at most `count`.
std::vector<std::string> nearest_names(std::string_view name, const std::vector<std::string>& candidates,
                                       size_t max_distance, size_t count);

// The nearest candidate within half of the name's length (and at least 2); empty if there is none.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// What to append to "unknown key ...": the nearest candidate, else (a few of) the candidates, else nothing.
std::string suggestion(std::string_view name, const std::vector<std::string>& candidates);

// `text` in double quotes, cut to a readable length.
std::string quote(std::string_view text);

}  // namespace pare::config

#endif  // PARE_CONFIG_NEAREST_H_
