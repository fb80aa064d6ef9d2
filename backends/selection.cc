#include "backends/selection.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/selection_key.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

// One wanted number of a channel: its key is known to lie from low to high, both included.
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

// How many bits of the keys a pass over so many numbers may tell apart: making and reading the counts has to stay
// cheaper than counting.
int most_bits_of_pass(int64_t size) {
  return std::clamp(static_cast<int>(std::bit_width(static_cast<uint64_t>(size))) - 5, 6, 14);
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

// Keys to count in bins; without a target, those that none but NaNs have.
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
    } else {
      while (bin < bins.bins && target.rank >= below + counts[1 + bin]) below += counts[1 + bin++];
      const uint64_t first = low + (static_cast<uint64_t>(bin) << bins.shift);
      if (first > kNanKey) return false;
      const uint64_t last = bin < bins.bins ? first + (uint64_t{1} << bins.shift) - 1 : kNanKey;
      target.narrow(static_cast<uint32_t>(first), static_cast<uint32_t>(std::min<uint64_t>(last, kNanKey)));
    }
    if (target.low > target.high) return false;
  }
  return true;
}

// Of a channel without numbers.
constexpr int64_t kNoRank = -1;

template <typename T>
class Selection {
 public:
  Selection(const KernelTable<T>& table, const Execution& execution, absl::Span<const SelectionPart<T>> parts,
            const SelectionOptions& options)
      : table_(table), execution_(execution), parts_(parts), options_(options) {}

  // Checks the arguments, and counts what is to be left out.
  absl::Status start() {
    if (table_.key_histogram == nullptr) {
      return absl::UnimplementedError("selection needs the kernel key_histogram, which this backend lacks");
    }
    if (parts_.empty()) return absl::InvalidArgumentError("selection: there is no tensor to select from");
    channels_ = parts_[0].layout.channels;
    int64_t size = 0;
    for (const SelectionPart<T>& part : parts_) {
      if (part.layout.channels != channels_) {
        return absl::InvalidArgumentError(
            absl::StrCat("selection: all tensors need the same number of channels, found ", channels_, " and ",
                         part.layout.channels));
      }
      size += part.layout.outer * part.layout.inner;
    }
    if (size == 0 || channels_ == 0) {
      return absl::InvalidArgumentError("selection: a channel without elements has no order statistics");
    }
    sizes_.assign(channels_, size);
    return options_.without_zeros ? leave_out_zeros() : absl::OkStatus();
  }

  int64_t channels() const { return channels_; }
  int64_t size(int64_t channel) const { return sizes_[channel]; }

  // The keys at the ranks, some for each channel: ranks[c * n + k] and keys[c * n + k] are those of channel c. That of
  // kNoRank is kNanKey.
  absl::StatusOr<std::vector<uint32_t>> keys_at(const std::vector<int64_t>& ranks) {
    if (ranks.empty()) return std::vector<uint32_t>();
    const size_t ranks_of_channel = ranks.size() / channels_;
    std::vector<std::vector<Target>> targets(channels_);
    for (size_t i = 0; i < ranks.size(); ++i) {
      if (ranks[i] != kNoRank) targets[i / ranks_of_channel].push_back({ranks[i]});
    }
    for (int64_t c = 0; c < channels_; ++c) {
      const auto less = [](const Target& a, const Target& b) { return a.rank < b.rank; };
      std::sort(targets[c].begin(), targets[c].end(), less);
      const int64_t wanted = options_.host_memory ? sample_size(sizes_[c]) : 0;
      if (wanted > 0 && !targets[c].empty()) guess(sample(c, wanted), sizes_[c], targets[c]);
    }
    PARE_RETURN_IF_ERROR(find(targets));
    std::vector<uint32_t> keys(ranks.size(), kNanKey);
    for (size_t i = 0; i < ranks.size(); ++i) {
      for (const Target& target : targets[i / ranks_of_channel]) {
        if (target.rank == ranks[i]) keys[i] = target.low;
      }
    }
    return keys;
  }

 private:
  // Passes over the data until all targets are found.
  absl::Status find(std::vector<std::vector<Target>>& targets) {
    const int most_bits = most_bits_of_pass(*std::max_element(sizes_.begin(), sizes_.end()));
    std::vector<uint32_t> low(channels_);
    std::vector<int64_t> counts;
    while (true) {
      uint32_t widest = 0;
      bool all_found = true;
      for (int64_t c = 0; c < channels_; ++c) {
        const Bracket bracket = next_bracket(targets[c], most_bits);
        low[c] = bracket.low;
        widest = std::max(widest, bracket.high - bracket.low);
        for (const Target& target : targets[c]) all_found &= target.is_found();
      }
      if (all_found) return absl::OkStatus();
      // As many bits in each pass that is left.
      const int bits = std::bit_width(widest), left = std::max(1, passes_for(widest, most_bits));
      const int shift = bits - (bits + left - 1) / left;
      const KeyBins bins{low.data(), shift, int64_t{widest >> shift} + 1};
      counts.assign(channels_ * bins.counts(), 0);
      PARE_RETURN_IF_ERROR(count(bins, counts.data()));
      for (int64_t c = 0; c < channels_; ++c) {
        if (narrow(bins, low[c], counts.data() + c * bins.counts(), targets[c])) continue;
        return absl::InternalError(absl::StrCat("selection: the counts of channel ", c, " do not add up to its ",
                                                sizes_[c],
                                                " numbers: the data changed in the meantime, or a kernel miscounts"));
      }
    }
  }

  static SelectionKeys keys_of(const SelectionPart<T>& part) { return {part.magnitude, part.center, part.scale}; }

  absl::Status count(const KeyBins& bins, int64_t* counts) {
    for (const SelectionPart<T>& part : parts_) {
      PARE_RETURN_IF_ERROR(table_.key_histogram(execution_, part.layout, part.x, keys_of(part), bins, counts));
    }
    for (size_t i = 0; i < zeros_.size(); ++i) {
      const int64_t c = static_cast<int64_t>(i) % channels_;
      const uint32_t key = selection_key(selected_number(keys_of(parts_[i / channels_]), c, 0.0f));
      const int64_t bin = std::min<int64_t>((key - bins.low[c]) >> bins.shift, bins.bins);
      counts[c * bins.counts() + (key < bins.low[c] ? 0 : 1 + bin)] -= zeros_[i];
    }
    return absl::OkStatus();
  }

  absl::Status leave_out_zeros() {
    const std::vector<uint32_t> low(channels_, kZeroKey);
    const KeyBins bins{low.data(), 0, 1};
    std::vector<int64_t> zeros;
    for (const SelectionPart<T>& part : parts_) {
      std::vector<int64_t> counts(channels_ * bins.counts());
      PARE_RETURN_IF_ERROR(table_.key_histogram(execution_, part.layout, part.x, {}, bins, counts.data()));
      for (int64_t c = 0; c < channels_; ++c) {
        zeros.push_back(counts[c * bins.counts() + 1]);
        sizes_[c] -= zeros.back();
      }
    }
    zeros_ = std::move(zeros);
    return absl::OkStatus();
  }

  // About `wanted` keys from all over the channel.
  std::vector<uint32_t> sample(int64_t channel, int64_t wanted) const {
    std::vector<uint32_t> keys;
    int64_t all = 0, start = 0;  // All numbers of the channel, and the part's first among them.
    for (const SelectionPart<T>& part : parts_) all += part.layout.outer * part.layout.inner;
    const int64_t stride = std::max<int64_t>(1, all / wanted);
    int64_t next = 0;
    for (const SelectionPart<T>& part : parts_) {
      const Layout& layout = part.layout;
      const int64_t end = start + layout.outer * layout.inner;
      for (; next < end; next += stride) {
        // One number somewhere in each stride: a fixed place would fall in step with the data's own periods.
        const uint64_t turn = (static_cast<uint64_t>(next) + 1) * 0x9E3779B97F4A7C15 >> 32;
        const int64_t i = next + static_cast<int64_t>(turn * static_cast<uint64_t>(stride) >> 32) - start;
        if (start + i >= end) continue;
        const T x = part.x[(i / layout.inner * layout.channels + channel) * layout.inner + i % layout.inner];
        if (options_.without_zeros && to_float(x) == 0) continue;
        keys.push_back(selection_key(selected_number(keys_of(part), channel, to_float(x))));
      }
      start = end;
    }
    return keys;
  }

  const KernelTable<T>& table_;
  const Execution execution_;
  const absl::Span<const SelectionPart<T>> parts_;
  const SelectionOptions options_;
  int64_t channels_ = 0;
  std::vector<int64_t> sizes_;  // Of each channel, without what is left out.
  std::vector<int64_t> zeros_;  // Left out of each part and channel, if so.
};

}  // namespace

template <typename T>
absl::StatusOr<std::vector<float>> select_ranks(const KernelTable<T>& table, const Execution& execution,
                                                absl::Span<const SelectionPart<T>> parts,
                                                absl::Span<const int64_t> ranks, const SelectionOptions& options) {
  Selection<T> selection(table, execution, parts, options);
  PARE_RETURN_IF_ERROR(selection.start());
  std::vector<int64_t> all_ranks;
  for (int64_t c = 0; c < selection.channels(); ++c) {
    for (const int64_t rank : ranks) {
      if (rank < 0 || rank >= selection.size(c)) {
        return absl::InvalidArgumentError(
            absl::StrCat("selection: a rank in [0, ", selection.size(c), ") is expected, but it is ", rank));
      }
    }
    all_ranks.insert(all_ranks.end(), ranks.begin(), ranks.end());
  }
  PARE_ASSIGN_OR_RETURN(const std::vector<uint32_t> keys, selection.keys_at(all_ranks));
  std::vector<float> numbers;
  for (const uint32_t key : keys) numbers.push_back(number_of_key(key));
  return numbers;
}

template <typename T>
absl::StatusOr<std::vector<float>> percentile(const KernelTable<T>& table, const Execution& execution,
                                              absl::Span<const SelectionPart<T>> parts, double percent,
                                              const SelectionOptions& options) {
  if (!(percent >= 0 && percent <= 100)) {
    return absl::InvalidArgumentError(absl::StrCat("a percentile in [0, 100] is expected, but it is ", percent));
  }
  Selection<T> selection(table, execution, parts, options);
  PARE_RETURN_IF_ERROR(selection.start());
  std::vector<int64_t> ranks;  // Of each channel, that below the position and that above.
  std::vector<double> shares;
  for (int64_t c = 0; c < selection.channels(); ++c) {
    const double position = static_cast<double>(std::max<int64_t>(selection.size(c) - 1, 0)) * (percent / 100);
    const auto lower = static_cast<int64_t>(position);
    shares.push_back(position - static_cast<double>(lower));
    ranks.push_back(selection.size(c) == 0 ? kNoRank : lower);
    ranks.push_back(shares[c] > 0 ? lower + 1 : ranks.back());
  }
  PARE_ASSIGN_OR_RETURN(const std::vector<uint32_t> keys, selection.keys_at(ranks));
  std::vector<float> numbers(selection.channels());
  for (int64_t c = 0; c < selection.channels(); ++c) {
    const double a = number_of_key(keys[2 * c]), b = number_of_key(keys[2 * c + 1]);
    numbers[c] = static_cast<float>(keys[2 * c] == keys[2 * c + 1] ? a : a + (b - a) * shares[c]);
  }
  return numbers;
}

template <typename T>
absl::StatusOr<std::vector<float>> median_absolute_deviation(const KernelTable<T>& table, const Execution& execution,
                                                             const Layout& layout, const T* x,
                                                             std::vector<float>* medians,
                                                             const SelectionOptions& options) {
  SelectionPart<T> part{x, layout};
  PARE_ASSIGN_OR_RETURN(const std::vector<float> center,
                        percentile<T>(table, execution, absl::MakeConstSpan(&part, 1), 50, options));
  part.magnitude = true;
  part.center = center.data();
  PARE_ASSIGN_OR_RETURN(std::vector<float> deviations,
                        percentile<T>(table, execution, absl::MakeConstSpan(&part, 1), 50, options));
  if (medians != nullptr) *medians = center;
  return deviations;
}

template <typename T>
absl::StatusOr<float> threshold_for_level(const KernelTable<T>& table, const Execution& execution,
                                          absl::Span<const SelectionPart<T>> parts, double level,
                                          const SelectionOptions& options) {
  if (!(level >= 0 && level <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("a sparsity level in [0, 1] is expected, but it is ", level));
  }
  int64_t size = 0;
  for (const SelectionPart<T>& part : parts) {
    if (part.layout.channels != 1 || !part.magnitude) {
      return absl::InvalidArgumentError("a threshold for a level is taken over magnitudes of tensors with one channel");
    }
    size += part.layout.size();
  }
  const auto rank = static_cast<int64_t>(static_cast<double>(size - 1) * level);
  PARE_ASSIGN_OR_RETURN(const std::vector<float> threshold,
                        select_ranks<T>(table, execution, parts, absl::MakeConstSpan(&rank, 1), options));
  return threshold[0];
}

#define PARE_INSTANTIATE(T)                                                                                            \
  template absl::StatusOr<std::vector<float>> select_ranks<T>(const KernelTable<T>&, const Execution&,                 \
                                                              absl::Span<const SelectionPart<T>>,                      \
                                                              absl::Span<const int64_t>, const SelectionOptions&);     \
  template absl::StatusOr<std::vector<float>> percentile<T>(                                                           \
      const KernelTable<T>&, const Execution&, absl::Span<const SelectionPart<T>>, double, const SelectionOptions&);   \
  template absl::StatusOr<std::vector<float>> median_absolute_deviation<T>(                                            \
      const KernelTable<T>&, const Execution&, const Layout&, const T*, std::vector<float>*, const SelectionOptions&); \
  template absl::StatusOr<float> threshold_for_level<T>(                                                               \
      const KernelTable<T>&, const Execution&, absl::Span<const SelectionPart<T>>, double, const SelectionOptions&);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends
