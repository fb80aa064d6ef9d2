#include "backends/selection.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "backends/selection_key.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

// Bits of a key that one pass decides. Few where there are many channels, each with counts of its own.
constexpr int kBitsOfPass = 11, kBitsOfPassForManyChannels = 8;
constexpr int64_t kManyChannels = 512;

// From how many elements on a sample is worth its making, how large it is, and how many keys around its guess are
// counted one by one.
constexpr int64_t kWorthASample = 1 << 17, kSample = 1 << 14;
constexpr int64_t kBinsOfGuess = 1 << 14;
// The guess fails once in some ten thousand times.
constexpr double kStandardDeviations = 4;

// Where a rank is looked for: bins of 2^shift keys from low[c] on.
struct Search {
  std::vector<uint32_t> low;
  int shift;
  int64_t bins;
};

template <typename T>
class Selection {
 public:
  Selection(const KernelTable<T>& table, const Execution& execution, absl::Span<const SelectionPart<T>> parts,
            const SelectionOptions& options)
      : table_(table), execution_(execution), parts_(parts), options_(options) {}

  absl::Status check() {
    if (table_.key_histogram == nullptr) {
      return absl::UnimplementedError("selection needs the kernel key_histogram, which this backend lacks");
    }
    if (parts_.empty()) return absl::InvalidArgumentError("selection: there is no tensor to select from");
    channels_ = parts_[0].layout.channels;
    for (const SelectionPart<T>& part : parts_) {
      if (part.layout.channels != channels_) {
        return absl::InvalidArgumentError(
            absl::StrCat("selection: all tensors need the same number of channels, found ", channels_, " and ",
                         part.layout.channels));
      }
      size_ += part.layout.outer * part.layout.inner;
    }
    if (size_ == 0 || channels_ == 0) {
      return absl::InvalidArgumentError("selection: a channel without elements has no order statistics");
    }
    bits_ = channels_ > kManyChannels ? kBitsOfPassForManyChannels : kBitsOfPass;
    return absl::OkStatus();
  }

  int64_t channels() const { return channels_; }
  int64_t size() const { return size_; }  // Of a channel.

  // The key at the rank, of each channel.
  absl::StatusOr<std::vector<uint32_t>> keys_at(int64_t rank) {
    if (rank < 0 || rank >= size_) {
      return absl::InvalidArgumentError(
          absl::StrCat("selection: a rank in [0, ", size_, ") is expected, but it is ", rank));
    }
    if (const std::optional<Search> guess = guess_of(rank)) {
      PARE_ASSIGN_OR_RETURN(const auto counts, count(*guess));
      Search search = *guess;
      if (narrow(rank, counts, search)) return finish(rank, std::move(search));
    }
    if (!whole_.has_value()) {
      whole_ = Search{std::vector<uint32_t>(channels_), 32 - bits_, int64_t{1} << bits_};
      PARE_ASSIGN_OR_RETURN(whole_counts_, count(*whole_));
    }
    Search search = *whole_;
    if (!narrow(rank, whole_counts_, search)) return missing(rank);
    return finish(rank, std::move(search));
  }

 private:
  absl::StatusOr<std::vector<uint32_t>> finish(int64_t rank, Search search) {
    while (search.bins > 1) {
      PARE_ASSIGN_OR_RETURN(const auto counts, count(search));
      if (!narrow(rank, counts, search)) return missing(rank);
    }
    return search.low;
  }

  static absl::Status missing(int64_t rank) {
    return absl::InternalError(absl::StrCat("selection: rank ", rank,
                                            " was not found: the data changed in the meantime, or a kernel miscounts"));
  }

  absl::StatusOr<std::vector<int64_t>> count(const Search& search) {
    const KeyBins bins{search.low.data(), search.shift, search.bins};
    std::vector<int64_t> counts(channels_ * bins.counts());
    for (const SelectionPart<T>& part : parts_) {
      PARE_RETURN_IF_ERROR(table_.key_histogram(execution_, part.layout, part.x,
                                                {part.magnitude, part.center, part.scale}, bins, counts.data()));
    }
    return counts;
  }

  // Makes of the search the bins within the bin that holds the rank; a single key is one bin. False if the rank lies
  // outside of the search.
  bool narrow(int64_t rank, const std::vector<int64_t>& counts, Search& search) const {
    for (int64_t channel = 0; channel < channels_; ++channel) {
      const int64_t* const of_channel = counts.data() + channel * (search.bins + 2);
      int64_t below = of_channel[0];
      if (rank < below) return false;
      int64_t bin = 0;
      while (bin < search.bins && rank >= below + of_channel[1 + bin]) below += of_channel[1 + bin++];
      if (bin == search.bins) return false;
      search.low[channel] += static_cast<uint32_t>(bin << search.shift);
    }
    const int shift = std::max(0, search.shift - bits_);
    search.bins = int64_t{1} << (search.shift - shift);
    search.shift = shift;
    return true;
  }

  // Keys around the rank's place in a sample.
  std::optional<Search> guess_of(int64_t rank) {
    if (!options_.host_memory || channels_ != 1 || size_ < kWorthASample) return std::nullopt;
    if (sample_.empty()) take_sample();
    const double place = static_cast<double>(rank) / static_cast<double>(size_ - 1);
    const auto last = static_cast<double>(sample_.size() - 1);
    const double spread = kStandardDeviations * std::sqrt(last * place * (1 - place)) + 8;
    const auto at = [&](double position) {
      return sample_[static_cast<size_t>(std::clamp(std::round(position), 0.0, last))];
    };
    // Beyond the sample's ends lies what it has missed.
    const uint32_t low = last * place - spread < 0 ? 0 : at(last * place - spread);
    const uint32_t high = last * place + spread > last ? kNanKey : at(last * place + spread);
    Search search{{low}, 0, kBinsOfGuess};
    while ((uint64_t{kBinsOfGuess} << search.shift) <= uint64_t{high} - low) ++search.shift;
    // Not beyond the last key.
    const uint64_t room = (uint64_t{1} << 32) - low;
    search.bins = std::min<int64_t>(kBinsOfGuess, static_cast<int64_t>(room >> search.shift));
    if (search.bins == 0) return std::nullopt;
    return search;
  }

  // Keys of elements at equal distances, sorted.
  void take_sample() {
    const int64_t step = size_ / kSample;
    int64_t next = step / 2;  // Within the part.
    for (const SelectionPart<T>& part : parts_) {
      const int64_t size = part.layout.size();
      for (; next < size; next += step) {
        float number = to_float(part.x[next]);
        if (part.magnitude) {
          if (part.center != nullptr) number -= part.center[0];
          number = std::fabs(number);
          if (part.scale != nullptr) number *= part.scale[0];
        }
        sample_.push_back(selection_key(number));
      }
      next -= size;
    }
    std::sort(sample_.begin(), sample_.end());
  }

  const KernelTable<T>& table_;
  const Execution execution_;
  const absl::Span<const SelectionPart<T>> parts_;
  const SelectionOptions options_;
  int64_t channels_ = 0, size_ = 0;
  int bits_ = kBitsOfPass;
  std::vector<uint32_t> sample_;
  // All keys, and their counts, once they were needed.
  std::optional<Search> whole_;
  std::vector<int64_t> whole_counts_;
};

}  // namespace

template <typename T>
absl::StatusOr<std::vector<float>> select_ranks(const KernelTable<T>& table, const Execution& execution,
                                                absl::Span<const SelectionPart<T>> parts,
                                                absl::Span<const int64_t> ranks, const SelectionOptions& options) {
  Selection<T> selection(table, execution, parts, options);
  PARE_RETURN_IF_ERROR(selection.check());
  std::vector<float> numbers(selection.channels() * ranks.size());
  for (size_t i = 0; i < ranks.size(); ++i) {
    PARE_ASSIGN_OR_RETURN(const std::vector<uint32_t> keys, selection.keys_at(ranks[i]));
    for (int64_t c = 0; c < selection.channels(); ++c) numbers[c * ranks.size() + i] = number_of_key(keys[c]);
  }
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
  PARE_RETURN_IF_ERROR(selection.check());
  const double position = static_cast<double>(selection.size() - 1) * (percent / 100);
  const auto lower = static_cast<int64_t>(position);
  const double share = position - static_cast<double>(lower);
  PARE_ASSIGN_OR_RETURN(const std::vector<uint32_t> first, selection.keys_at(lower));
  std::vector<uint32_t> second = first;
  if (share > 0) {
    PARE_ASSIGN_OR_RETURN(second, selection.keys_at(lower + 1));
  }
  std::vector<float> numbers(selection.channels());
  for (int64_t c = 0; c < selection.channels(); ++c) {
    const double a = number_of_key(first[c]), b = number_of_key(second[c]);
    numbers[c] = static_cast<float>(first[c] == second[c] ? a : a + (b - a) * share);
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
