#include "data/random.h"

#include <numeric>
#include <utility>

namespace pare::data {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t first = uint64_t{0xD2511F53} * counter[0];
    const uint64_t second = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(second),
               static_cast<uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(first)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// The counter holds 32 bits for the block within the stream, the purpose and epoch folded into one word by the
// multiplication below, and 64 bits for the index. The fold is a bijection of the epoch for each purpose; purposes are
// few and small, so that those of one program lie far apart.
RandomStream::RandomStream(uint64_t seed, const StreamName& name)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      counter_{0, name.epoch + name.what * 0x9E3779B9u, static_cast<uint32_t>(name.index),
               static_cast<uint32_t>(name.index >> 32)} {}

uint32_t RandomStream::next() {
  if (used_ == 4) {
    block_ = philox(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t RandomStream::below(uint64_t bound) {
  // Numbers under 2^64 mod bound are drawn again: what is left is a whole number of times the bound.
  const uint64_t rejected = (0 - bound) % bound;
  for (;;) {
    const uint64_t high = next();
    const uint64_t drawn = (high << 32) | next();
    if (drawn >= rejected) return drawn % bound;
  }
}

int64_t RandomStream::between(int64_t first, int64_t last) {
  return first + static_cast<int64_t>(below(static_cast<uint64_t>(last - first) + 1));
}

std::vector<int64_t> random_permutation(int64_t size, RandomStream& random) {
  std::vector<int64_t> order(size);
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = size - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
  return order;
}

}  // namespace pare::data
