#include "backends/growing_histogram.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"

namespace pare::backends {
namespace {

constexpr int kLeastExponent = -100;
constexpr int kMantissaBits = 24;

// Which bin of the endless ruler a number is in. Exact: the division is by a power of two.
int64_t bin_of(float x, int exponent) { return static_cast<int64_t>(std::floor(std::ldexp(double{x}, -exponent))); }

// The least exponent of a width with which `bins` bins hold both numbers, and with which all edges there are floats.
int exponent_for(float min, float max, int64_t bins) {
  const float magnitude = std::max(std::fabs(min), std::fabs(max));
  // Below 2^(e + 23) widths of 2^e, one bin more included, each multiple of the width has 24 bits.
  int exponent = kLeastExponent;
  if (magnitude > 0) exponent = std::max(exponent, std::ilogb(magnitude) - (kMantissaBits - 2));
  while (bin_of(max, exponent) - bin_of(min, exponent) >= bins) ++exponent;
  return exponent;
}

// Adds counts of bins first, first + 1, ... of width 2^exponent to a channel whose bins hold them.
void add_counts(int exponent, int64_t first, const int64_t* counts, int64_t bins, GrowingHistogram::Channel& channel) {
  const int doublings = channel.exponent - exponent;
  for (int64_t k = 0; k < bins; ++k) {
    if (counts[k] != 0) channel.counts[((first + k) >> doublings) - channel.first] += counts[k];
  }
}

// Makes the channel's bins reach from min to max as well.
void grow(float min, float max, int64_t bins, GrowingHistogram::Channel& channel) {
  const GrowingHistogram::Channel before = channel;
  channel.min = std::min(min, before.min);
  channel.max = std::max(max, before.max);
  channel.exponent = exponent_for(channel.min, channel.max, bins);
  channel.first = bin_of(channel.min, channel.exponent);
  channel.counts.assign(bins, 0);
  if (before.size > 0) {
    add_counts(before.exponent, before.first, before.counts.data(), static_cast<int64_t>(before.counts.size()),
               channel);
  }
}

}  // namespace

float GrowingHistogram::Channel::width() const { return std::ldexp(1.0f, exponent); }

float GrowingHistogram::Channel::edge(int64_t k) const {
  return static_cast<float>(std::ldexp(static_cast<double>(first + k), exponent));
}

GrowingHistogram::GrowingHistogram(int64_t channels, int64_t bins) : bins_(bins), channels_(channels) {}

absl::Status GrowingHistogram::add(int64_t size, absl::FunctionRef<absl::Status(float* min, float* max)> extremes,
                                   absl::FunctionRef<absl::Status(const HistogramBins& bins, int64_t* counts)> count) {
  if (size == 0 || channels_.empty()) return absl::OkStatus();
  std::vector<float> min(channels_.size()), max(min), low(min), high(min), width(min), inverse_width(min);
  if (absl::Status status = extremes(min.data(), max.data()); !status.ok()) return status;
  for (size_t c = 0; c < channels_.size(); ++c) {
    if (min[c] >= -kGreatestMagnitude && max[c] <= kGreatestMagnitude) continue;
    return absl::InvalidArgumentError(absl::StrCat("histogram: finite numbers of at most 2^120 in magnitude are ",
                                                   "expected, but those of channel ", c, " range from ", min[c], " to ",
                                                   max[c]));
  }
  std::vector<Channel> grown = channels_;
  for (size_t c = 0; c < channels_.size(); ++c) {
    grow(min[c], max[c], bins_, grown[c]);
    low[c] = grown[c].edge(0);
    high[c] = grown[c].edge(bins_);
    width[c] = grown[c].width();
    inverse_width[c] = 1 / width[c];
  }
  const HistogramBins bins{low.data(), high.data(), width.data(), inverse_width.data(), bins_};
  std::vector<int64_t> counts(channels_.size() * bins.counts());
  if (absl::Status status = count(bins, counts.data()); !status.ok()) return status;
  for (size_t c = 0; c < channels_.size(); ++c) {
    for (int64_t k = 0; k < bins_; ++k) grown[c].counts[k] += counts[c * bins.counts() + 1 + k];
    grown[c].size += size;
  }
  channels_ = std::move(grown);
  return absl::OkStatus();
}

template <typename T>
absl::Status GrowingHistogram::add(const KernelTable<T>& kernels, const Execution& execution, const Layout& layout,
                                   const T* x) {
  if (layout.channels != channels()) {
    return absl::InvalidArgumentError(
        absl::StrCat("histogram: a tensor of ", channels(), " channels is expected, but it has ", layout.channels));
  }
  return add(
      layout.outer * layout.inner,
      [&](float* min, float* max) { return kernels.min_max(execution, layout, x, min, max); },
      [&](const HistogramBins& bins, int64_t* counts) {
        return kernels.histogram(execution, layout, x, bins, counts);
      });
}

absl::Status GrowingHistogram::merge(const GrowingHistogram& other) {
  if (other.channels() != channels() || other.bins() != bins()) {
    return absl::InvalidArgumentError(absl::StrCat("histogram: only one of ", channels(), " channels and ", bins(),
                                                   " bins can be merged into it, but the other has ", other.channels(),
                                                   " and ", other.bins()));
  }
  for (int64_t c = 0; c < channels(); ++c) {
    const Channel from = other.channels_[c];
    if (from.size == 0) continue;
    grow(from.min, from.max, bins_, channels_[c]);
    add_counts(from.exponent, from.first, from.counts.data(), bins_, channels_[c]);
    channels_[c].size += from.size;
  }
  return absl::OkStatus();
}

absl::StatusOr<float> GrowingHistogram::quantile(int64_t channel, double q) const {
  const Channel& of = channels_[channel];
  if (!(q >= 0 && q <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("histogram: a quantile is a part from 0 to 1, but ", q, " is asked"));
  }
  if (of.size == 0) {
    return absl::FailedPreconditionError(absl::StrCat("histogram: channel ", channel, " has no numbers yet"));
  }
  // The number of a rank: in the middle of its share of its bin.
  const auto number = [&](int64_t rank) -> double {
    if (rank <= 0) return of.min;
    if (rank >= of.size - 1) return of.max;
    int64_t below = 0, k = 0;
    while (rank >= below + of.counts[k]) below += of.counts[k++];
    const double share = (static_cast<double>(rank - below) + 0.5) / static_cast<double>(of.counts[k]);
    return std::clamp<double>(of.edge(k) + share * of.width(), of.min, of.max);
  };
  const double position = q * static_cast<double>(of.size - 1);
  const auto rank = static_cast<int64_t>(position);
  const double below = number(rank), above = number(rank + 1);
  return static_cast<float>(below + (position - static_cast<double>(rank)) * (above - below));
}

#define PARE_INSTANTIATE(T) \
  template absl::Status GrowingHistogram::add(const KernelTable<T>&, const Execution&, const Layout&, const T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends
