#include "data/shard.h"

#include "absl/strings/str_cat.h"

namespace pare::data {

Part part_of(const Shard& shard, int64_t n) {
  // Without the product n * index, which may be too great.
  const int64_t whole = n / shard.count, rest = n % shard.count;
  const auto at = [&](int64_t index) { return whole * index + rest * index / shard.count; };
  return {at(shard.index), at(int64_t{shard.index} + 1)};
}

absl::Status check_shard(const Shard& shard) {
  if (shard.index >= 0 && shard.index < shard.count) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("shard ", shard.index, " of ", shard.count,
                                                 " is asked for; they go from 0 to one less than their number"));
}

}  // namespace pare::data
