#include "backends/growing_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

constexpr int64_t kHalf = GrowingHistogram::kBins / 2;
// Where every histogram begins: all of its edges are normal floats.
constexpr int kLeastExponent = -100;

// The least exponent of a width whose bins reach beyond the magnitude.
int exponent_for(float magnitude) {
  if (magnitude == 0) return kLeastExponent;
  // magnitude < 2^e, so it is inside of kHalf bins of width 2^e / kHalf.
  int e = 0;
  std::frexp(magnitude, &e);
  return std::max(kLeastExponent, e - static_cast<int>(std::log2(kHalf)));
}

}  // namespace

GrowingHistogram::GrowingHistogram(int64_t channels)
    : exponents_(channels, kLeastExponent), counts_(channels * kBins) {}

template <typename T>
absl::Status GrowingHistogram::add(const KernelTable<T>& table, const Execution& execution, const Layout& layout,
                                   const T* x) {
  if (layout.channels != channels()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a histogram of ", channels(), " channels cannot take a tensor of ", layout.channels));
  }
  if (table.abs_max == nullptr || table.histogram == nullptr) {
    return absl::UnimplementedError(
        "a growing histogram needs the kernels abs_max and histogram, which this backend lacks");
  }
  std::vector<float> magnitudes(channels()), low(channels()), high(low), widths(low), inverse_widths(low);
  PARE_RETURN_IF_ERROR(table.abs_max(execution, layout, x, magnitudes.data()));
  for (int64_t c = 0; c < channels(); ++c) {
    // Half of the greatest float, so that the end of the range is one.
    if (!(magnitudes[c] < 0x1p127f)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a histogram takes finite numbers below 2^127 in magnitude, but channel ", c, " holds ", magnitudes[c]));
    }
  }
  for (int64_t c = 0; c < channels(); ++c) {
    widen(c, exponent_for(magnitudes[c]));
    widths[c] = std::ldexp(1.0f, exponents_[c]);
    inverse_widths[c] = std::ldexp(1.0f, -exponents_[c]);
    low[c] = -static_cast<float>(kHalf) * widths[c];
    high[c] = -low[c];
  }
  const HistogramBins bins{low.data(), high.data(), widths.data(), inverse_widths.data(), kBins};
  std::vector<int64_t> counts(channels() * bins.counts());
  PARE_RETURN_IF_ERROR(table.histogram(execution, layout, x, bins, counts.data()));
  // Nothing lies outside.
  for (int64_t c = 0; c < channels(); ++c) {
    for (int64_t b = 0; b < kBins; ++b) counts_[c * kBins + b] += counts[c * bins.counts() + 1 + b];
  }
  return absl::OkStatus();
}

absl::Status GrowingHistogram::merge(const GrowingHistogram& other) {
  if (other.channels() != channels()) {
    return absl::InvalidArgumentError(
        absl::StrCat("histograms of ", channels(), " and ", other.channels(), " channels cannot be merged"));
  }
  GrowingHistogram added = other;
  for (int64_t c = 0; c < channels(); ++c) {
    widen(c, other.exponents_[c]);
    added.widen(c, exponents_[c]);
  }
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += added.counts_[i];
  return absl::OkStatus();
}

void GrowingHistogram::widen(int64_t channel, int exponent) {
  if (exponent <= exponents_[channel]) return;
  const int64_t doublings = exponent - exponents_[channel];
  exponents_[channel] = exponent;
  int64_t* const counts = counts_.data() + channel * kBins;
  std::vector<int64_t> merged(kBins);
  for (int64_t b = 0; b < kBins; ++b) {
    // Halves rounded down, so that bins on both sides of zero stay on theirs; after enough doublings -1 or 0.
    merged[((b - kHalf) >> std::min<int64_t>(doublings, 62)) + kHalf] += counts[b];
  }
  std::copy(merged.begin(), merged.end(), counts);
}

absl::StatusOr<float> GrowingHistogram::quantile(int64_t channel, double q) const {
  if (!(q >= 0 && q <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("a quantile in [0, 1] is expected, but it is ", q));
  }
  const int64_t total = size(channel);
  if (total == 0) {
    return absl::FailedPreconditionError(absl::StrCat("channel ", channel, " of the histogram holds no numbers"));
  }
  const double wanted = q * static_cast<double>(total);
  const absl::Span<const int64_t> bins = counts(channel);
  double below = 0;
  int64_t last = 0;
  for (int64_t b = 0; b < kBins; ++b) {
    if (bins[b] == 0) continue;
    last = b;
    const auto count = static_cast<double>(bins[b]);
    if (below + count >= wanted) {
      return static_cast<float>((static_cast<double>(b - kHalf) + (wanted - below) / count) * width(channel));
    }
    below += count;
  }
  return static_cast<float>(last + 1 - kHalf) * width(channel);
}

int64_t GrowingHistogram::size(int64_t channel) const {
  const absl::Span<const int64_t> bins = counts(channel);
  return std::accumulate(bins.begin(), bins.end(), int64_t{0});
}

float GrowingHistogram::width(int64_t channel) const { return std::ldexp(1.0f, exponents_[channel]); }

absl::Span<const int64_t> GrowingHistogram::counts(int64_t channel) const {
  return absl::MakeConstSpan(counts_.data() + channel * kBins, kBins);
}

#define PARE_INSTANTIATE(T) \
  template absl::Status GrowingHistogram::add<T>(const KernelTable<T>&, const Execution&, const Layout&, const T*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends
