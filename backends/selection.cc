#include "backends/selection.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pare::backends {
namespace {

// One wanted number of a channel: the keys from low to high (both included) are known to hold its own.
struct Target {
  int64_t rank;
  uint32_t low = 0, high = kNanKey;
  // Where it is likely to be, within the above; the above itself if nothing better is known.
  uint32_t likely_low = 0, likely_high = kNanKey;

  bool is_found() const { return low == high; }

  // Says that the key lies from new_low to new_high.
  void narrow(uint32_t new_low, uint32_t new_high) {
    likely_low = low = std::max(low, new_low);
    likely_high = high = std::min(high, new_high);
  }
};

// How many bits of the keys one pass over so many numbers may tell apart: making and reading the counts has to stay
// cheaper than counting.
int most_bits_of_pass(int64_t size) {
  return std::clamp(static_cast<int>(std::bit_width(static_cast<uint64_t>(size))) - 7, 6, 14);
}

// How many passes find one among distance + 1 successive keys.
int passes_for(uint32_t distance, int bits_of_pass) {
  return (static_cast<int>(std::bit_width(distance)) + bits_of_pass - 1) / bits_of_pass;
}

// A larger sample costs more reads, a smaller one a wider bracket with more numbers to count: both cost about the same
// at this size. 0 if there are so few numbers that it would not pay.
int64_t sample_size(int64_t size) {
  if (size < 1 << 14) return 0;
  const double root = std::cbrt(static_cast<double>(size));
  return std::min<int64_t>(static_cast<int64_t>(root * root / 3), 1 << 14);
}

// Where the sample says that the targets are: within four standard deviations of a random sample's error.
void guess(std::vector<uint32_t> sample, int64_t size, std::vector<Target>& targets) {
  if (sample.empty()) return;
  const auto count = static_cast<int64_t>(sample.size());
  const auto nth = [&](int64_t n) {
    std::nth_element(sample.begin(), sample.begin() + n, sample.end());
    return sample[n];
  };
  for (Target& target : targets) {
    const double part = (static_cast<double>(target.rank) + 0.5) / static_cast<double>(size);
    const double position = part * static_cast<double>(count);
    const double error = 4 * std::sqrt(position * (1 - part)) + 2;
    // Near the ends the sample's own are the best guess, but very near there may well be numbers beyond.
    constexpr double kSafe = 8;
    if (position > kSafe) target.likely_low = nth(std::max<int64_t>(0, static_cast<int64_t>(position - error)));
    if (static_cast<double>(count) - position > kSafe) {
      target.likely_high = nth(std::min<int64_t>(count - 1, static_cast<int64_t>(position + error)));
    }
  }
}

struct Bracket {
  uint32_t low = kNanKey, high = kNanKey;
};

// What the next pass should look at: where the first target is that is not found, and as many of the others (their
// ranks ascend) as do not cost it another pass.
Bracket next_bracket(const std::vector<Target>& targets, int bits_of_pass) {
  Bracket bracket;
  bool has_first = false;
  for (const Target& target : targets) {
    if (target.is_found()) continue;
    if (!has_first) {
      bracket = {target.likely_low, target.likely_high};
      has_first = true;
      continue;
    }
    const Bracket both{std::min(bracket.low, target.likely_low), std::max(bracket.high, target.likely_high)};
    if (passes_for(both.high - both.low, bits_of_pass) > passes_for(bracket.high - bracket.low, bits_of_pass)) break;
    bracket = both;
  }
  return bracket;
}

// Narrows the targets of a channel by its counts. False if the counts do not add up to the ranks.
bool narrow(const KeyBins& bins, uint32_t low, const int64_t* counts, std::vector<Target>& targets) {
  int64_t bin = 0, below = counts[0];
  for (Target& target : targets) {
    if (target.rank < counts[0]) {
      if (low == 0) return false;
      target.narrow(0, low - 1);
      continue;
    }
    while (bin < bins.bins && target.rank >= below + counts[1 + bin]) below += counts[1 + bin++];
    const uint64_t first = low + (static_cast<uint64_t>(bin) << bins.shift);
    if (first > kNanKey) return false;
    const uint64_t last = bin < bins.bins ? first + (uint64_t{1} << bins.shift) - 1 : kNanKey;
    target.narrow(static_cast<uint32_t>(first), static_cast<uint32_t>(std::min<uint64_t>(last, kNanKey)));
    if (target.low > target.high) return false;
  }
  return true;
}

// No number is asked for.
constexpr int64_t kNoRank = -1;

// The keys at ranks[k * channels + c] of channel c, in the same order: kNanKey for kNoRank.
absl::StatusOr<std::vector<uint32_t>> select_keys(SelectionSource& source, const std::vector<int64_t>& ranks) {
  const int64_t channels = source.channels();
  std::vector<std::vector<Target>> targets(channels);
  for (size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] != kNoRank) targets[i % channels].push_back({ranks[i]});
  }
  int64_t greatest_size = 0;
  for (int64_t c = 0; c < channels; ++c) {
    const int64_t size = source.size(c), wanted = sample_size(size);
    greatest_size = std::max(greatest_size, size);
    std::sort(targets[c].begin(), targets[c].end(), [](const Target& a, const Target& b) { return a.rank < b.rank; });
    if (wanted > 0 && !targets[c].empty()) guess(source.sample(c, wanted), size, targets[c]);
  }

  const int most_bits = most_bits_of_pass(greatest_size);
  std::vector<uint32_t> low(channels);
  std::vector<int64_t> counts;
  while (true) {
    uint32_t widest = 0;
    bool all_found = true;
    for (int64_t c = 0; c < channels; ++c) {
      const Bracket bracket = next_bracket(targets[c], most_bits);
      low[c] = bracket.low;
      widest = std::max(widest, bracket.high - bracket.low);
      for (const Target& target : targets[c]) all_found &= target.is_found();
    }
    if (all_found) break;
    // As many bits in each pass that is left.
    const int bits = std::bit_width(widest), left = std::max(1, passes_for(widest, most_bits));
    const int shift = bits - (bits + left - 1) / left;
    const KeyBins bins{low.data(), shift, (widest >> shift) + 1};
    counts.assign(channels * bins.counts(), 0);
    if (absl::Status status = source.count(bins, counts.data()); !status.ok()) return status;
    for (int64_t c = 0; c < channels; ++c) {
      if (narrow(bins, low[c], counts.data() + c * bins.counts(), targets[c])) continue;
      return absl::InternalError(absl::StrCat("selection: the counts of channel ", c, " do not add up to its ",
                                              source.size(c), " numbers: did they change meanwhile?"));
    }
  }

  std::vector<uint32_t> keys(ranks.size());
  for (size_t i = 0; i < ranks.size(); ++i) {
    const std::vector<Target>& found = targets[i % channels];
    keys[i] = ranks[i] == kNoRank
                  ? kNanKey
                  : std::find_if(found.begin(), found.end(), [&](const Target& t) { return t.rank == ranks[i]; })->low;
  }
  return keys;
}

// A source without some of its numbers that are all equal: counts[c] of those whose key is keys[c].
class WithoutEqualNumbers : public SelectionSource {
 public:
  WithoutEqualNumbers(SelectionSource& source, std::vector<uint32_t> keys, std::vector<int64_t> counts)
      : source_(source), keys_(std::move(keys)), counts_(std::move(counts)) {}

  int64_t channels() const override { return source_.channels(); }
  int64_t size(int64_t channel) const override { return source_.size(channel) - counts_[channel]; }
  absl::Status count(const KeyBins& bins, int64_t* counts) override {
    absl::Status status = source_.count(bins, counts);
    for (int64_t c = 0; c < channels(); ++c) {
      const int64_t bin = std::min<int64_t>((keys_[c] - bins.low[c]) >> bins.shift, bins.bins);
      counts[c * bins.counts() + (keys_[c] < bins.low[c] ? 0 : 1 + bin)] -= counts_[c];
    }
    return status;
  }
  std::vector<uint32_t> sample(int64_t channel, int64_t size) override {
    std::vector<uint32_t> keys = source_.sample(channel, size);
    std::erase(keys, keys_[channel]);
    return keys;
  }

 private:
  SelectionSource& source_;
  std::vector<uint32_t> keys_;
  std::vector<int64_t> counts_;
};

// How many numbers of each channel are zero.
absl::StatusOr<std::vector<int64_t>> zeros_of(SelectionSource& source) {
  const std::vector<uint32_t> low(source.channels(), kZeroKey);
  const KeyBins bins{low.data(), 0, 1};
  std::vector<int64_t> counts(source.channels() * bins.counts()), zeros;
  if (absl::Status status = source.count(bins, counts.data()); !status.ok()) return status;
  for (int64_t c = 0; c < source.channels(); ++c) zeros.push_back(counts[c * bins.counts() + 1]);
  return zeros;
}

}  // namespace

template <typename T>
absl::StatusOr<HostNumbers<T>> HostNumbers<T>::create(Kernel key_histogram, const Execution& execution,
                                                      std::vector<SelectionPart<T>> parts) {
  if (parts.empty()) return absl::InvalidArgumentError("selection: there is no tensor to select from");
  int64_t size = 0;
  for (const SelectionPart<T>& part : parts) {
    if (part.layout.channels != parts.front().layout.channels) {
      return absl::InvalidArgumentError(
          absl::StrCat("selection: tensors that are taken as one have equally many channels, but one has ",
                       parts.front().layout.channels, " and another ", part.layout.channels));
    }
    size += part.layout.outer * part.layout.inner;
  }
  return HostNumbers(key_histogram, execution, std::move(parts), size);
}

template <typename T>
absl::Status HostNumbers<T>::count(const KeyBins& bins, int64_t* counts) {
  for (const SelectionPart<T>& part : parts_) {
    absl::Status status = kernel_(execution_, part.layout, part.x, part.keys, bins, counts);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

template <typename T>
std::vector<uint32_t> HostNumbers<T>::sample(int64_t channel, int64_t size) {
  std::vector<uint32_t> keys;
  keys.reserve(size);
  const int64_t stride = std::max<int64_t>(1, size_ / size);
  int64_t start = 0;  // Of the part, among the channel's numbers.
  uint64_t next = 0;  // The next stride's first.
  for (const SelectionPart<T>& part : parts_) {
    const Layout& layout = part.layout;
    const int64_t end = start + layout.outer * layout.inner;
    for (; static_cast<int64_t>(next) < end; next += stride) {
      // One number somewhere in each stride: a fixed place would fall in step with the data's own periods.
      const uint64_t turn = (next + 1) * 0x9E3779B97F4A7C15 >> 32;
      const int64_t i = static_cast<int64_t>(next + (turn * stride >> 32)) - start;
      if (start + i >= end) continue;
      const int64_t element = (i / layout.inner * layout.channels + channel) * layout.inner + i % layout.inner;
      keys.push_back(selection_key(selected_number(part.keys, channel, to_float(part.x[element]))));
    }
    start = end;
  }
  return keys;
}

absl::StatusOr<std::vector<float>> order_statistics(SelectionSource& source, absl::Span<const int64_t> ranks) {
  std::vector<int64_t> channel_ranks;
  for (const int64_t rank : ranks) {
    for (int64_t c = 0; c < source.channels(); ++c) {
      if (rank < 0 || rank >= source.size(c)) {
        return absl::InvalidArgumentError(absl::StrCat("selection: channel ", c, " has ", source.size(c),
                                                       " numbers, with ranks from 0 on, but that of rank ", rank,
                                                       " is asked for"));
      }
      channel_ranks.push_back(rank);
    }
  }
  const auto keys = select_keys(source, channel_ranks);
  if (!keys.ok()) return keys.status();
  std::vector<float> numbers;
  for (const uint32_t key : *keys) numbers.push_back(number_of_key(key));
  return numbers;
}

absl::StatusOr<std::vector<float>> percentiles(SelectionSource& source, absl::Span<const double> percents) {
  const int64_t channels = source.channels();
  std::vector<int64_t> ranks;  // The two neighbours of each position, those below first.
  std::vector<double> parts;   // How far from the one below to the one above.
  for (const double percent : percents) {
    if (!(percent >= 0 && percent <= 100)) {
      return absl::InvalidArgumentError(
          absl::StrCat("selection: a percentile is a number from 0 to 100, but ", percent, " is asked for"));
    }
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t last = source.size(c) - 1;
      const double position = std::max(0.0, percent / 100 * static_cast<double>(last));
      ranks.push_back(last < 0 ? kNoRank : static_cast<int64_t>(position));
      parts.push_back(last < 0 ? 0 : position - static_cast<double>(ranks.back()));
    }
  }
  const size_t count = ranks.size();
  for (size_t i = 0; i < count; ++i) ranks.push_back(parts[i] > 0 ? ranks[i] + 1 : ranks[i]);
  const auto keys = select_keys(source, ranks);
  if (!keys.ok()) return keys.status();
  std::vector<float> results;
  for (size_t i = 0; i < count; ++i) {
    const double below = number_of_key((*keys)[i]), above = number_of_key((*keys)[count + i]);
    // Not between two infinities, where a difference is NaN.
    results.push_back(static_cast<float>(below == above ? below : below + parts[i] * (above - below)));
  }
  return results;
}

template <typename T>
absl::StatusOr<MedianAndDeviation> median_and_deviation(typename HostNumbers<T>::Kernel key_histogram,
                                                        const Execution& execution, const Layout& layout, const T* x,
                                                        Zeros zeros) {
  constexpr double kHalf[] = {50};
  std::vector<int64_t> left_out(layout.channels);
  MedianAndDeviation result;
  const auto median_of = [&](const SelectionKeys& keys, std::vector<float>& medians) -> absl::Status {
    auto numbers = HostNumbers<T>::create(key_histogram, execution, {{layout, x, keys}});
    if (!numbers.ok()) return numbers.status();
    if (zeros == Zeros::kLeftOut && !keys.magnitude) {
      const auto found = zeros_of(*numbers);
      if (!found.ok()) return found.status();
      left_out = *found;
    }
    // Where zeros went: to the distance of 0 from the median.
    std::vector<uint32_t> zero_keys;
    for (int64_t c = 0; c < layout.channels; ++c) zero_keys.push_back(selection_key(selected_number(keys, c, 0.0f)));
    WithoutEqualNumbers others(*numbers, std::move(zero_keys), left_out);
    const auto found = percentiles(others, kHalf);
    if (!found.ok()) return found.status();
    medians = *found;
    return absl::OkStatus();
  };
  if (absl::Status status = median_of({}, result.median); !status.ok()) return status;
  absl::Status status = median_of({.magnitude = true, .center = result.median.data()}, result.deviation);
  if (!status.ok()) return status;
  return result;
}

#define PARE_INSTANTIATE(T)                                                                                  \
  template class HostNumbers<T>;                                                                             \
  template absl::StatusOr<MedianAndDeviation> median_and_deviation(HostNumbers<T>::Kernel, const Execution&, \
                                                                   const Layout&, const T*, Zeros);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends
