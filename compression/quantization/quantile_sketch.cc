#include "compression/quantization/quantile_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <string>

#include "base/torch_guard.h"

namespace pare::quantization {

namespace {

constexpr int kMantissaBits = 23;
constexpr uint32_t kMantissaMask = (1u << kMantissaBits) - 1;
constexpr uint32_t kSignBinade = 256;
constexpr uint32_t kNonFiniteExponent = 255;

// The magnitude that begins bin `slot` of a binade; the first bin beyond a binade begins the next one.
double magnitude_at(uint32_t exponent, uint32_t slot, int shift) {
  const double step = std::ldexp(1.0, (exponent == 0 ? 1 : static_cast<int>(exponent)) - 127 - kMantissaBits + shift);
  const double start = exponent == 0 ? 0.0 : std::ldexp(1.0, static_cast<int>(exponent) - 127);
  return start + slot * step;
}

// The value at which the weights, summed in rising order, reach half of their total; the mean of two where they meet it
// exactly. `values` is sorted.
double weighted_median(const std::vector<WeightedValue>& values) {
  double total = 0;
  for (const WeightedValue& v : values) total += v.weight;
  double below = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    below += values[i].weight;
    if (below * 2 > total || i + 1 == values.size()) return values[i].value;
    if (below * 2 == total) return (values[i].value + values[i + 1].value) / 2;
  }
  return 0;
}

bool by_value(const WeightedValue& a, const WeightedValue& b) { return a.value < b.value; }

}  // namespace

QuantileSketch::QuantileSketch(int mantissa_bits) : shift_(kMantissaBits - mantissa_bits) {}

void QuantileSketch::add(const float* data, int64_t size) {
  const int64_t zeros_before = zeros_;
  for (int64_t i = 0; i < size; ++i) {
    const float x = data[i];
    if (x == 0) {
      ++zeros_;
      continue;
    }
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    const uint32_t binade = bits >> kMantissaBits;
    if ((binade & kNonFiniteExponent) == kNonFiniteExponent) {
      has_non_finite_ = true;
      continue;
    }
    std::vector<int64_t>& counts = binades_[binade];
    if (counts.empty()) counts.resize(size_t{1} << (kMantissaBits - shift_));
    ++counts[(bits & kMantissaMask) >> shift_];
    ++count_;
    min_ = std::min(min_, x);
    max_ = std::max(max_, x);
  }
  count_ += zeros_ - zeros_before;
  if (zeros_ > 0) {
    min_ = std::min(min_, 0.0f);
    max_ = std::max(max_, 0.0f);
  }
}

nlohmann::json QuantileSketch::state() const {
  // Pairs of a bin's number, counted over all binades, and what is in it.
  std::vector<int64_t> counts;
  for (size_t binade = 0; binade < binades_.size(); ++binade) {
    for (size_t slot = 0; slot < binades_[binade].size(); ++slot) {
      if (binades_[binade][slot] == 0) continue;
      counts.push_back(static_cast<int64_t>((binade << (kMantissaBits - shift_)) + slot));
      counts.push_back(binades_[binade][slot]);
    }
  }
  return {{"bits", kMantissaBits - shift_},
          {"counts", counts},
          {"zeros", zeros_},
          {"min", std::bit_cast<uint32_t>(min_)},
          {"max", std::bit_cast<uint32_t>(max_)},
          {"has_non_finite", has_non_finite_}};
}

absl::Status QuantileSketch::merge(const nlohmann::json& state) {
  QuantileSketch merged = *this;
  const absl::Status status = guard_torch("the state of a quantile sketch", [&] {
    const int bits = kMantissaBits - shift_;
    if (state.at("bits").get<int>() != bits) throw std::invalid_argument("it has another number of mantissa bits");
    const auto counts = state.at("counts").get<std::vector<int64_t>>();
    for (size_t i = 0; i + 1 < counts.size(); i += 2) {
      std::vector<int64_t>& binade = merged.binades_.at(static_cast<size_t>(counts[i]) >> bits);
      if (binade.empty()) binade.resize(size_t{1} << bits);
      binade[static_cast<size_t>(counts[i]) & ((size_t{1} << bits) - 1)] += counts[i + 1];
      merged.count_ += counts[i + 1];
    }
    const auto zeros = state.at("zeros").get<int64_t>();
    merged.zeros_ += zeros;
    merged.count_ += zeros;
    merged.min_ = std::min(min_, std::bit_cast<float>(state.at("min").get<uint32_t>()));
    merged.max_ = std::max(max_, std::bit_cast<float>(state.at("max").get<uint32_t>()));
    merged.has_non_finite_ = has_non_finite_ || state.at("has_non_finite").get<bool>();
  });
  if (status.ok()) *this = std::move(merged);
  return status;
}

std::vector<QuantileSketch::Bin> QuantileSketch::bins() const {
  std::vector<Bin> result;
  for (uint32_t exponent = kNonFiniteExponent; exponent-- > 0;) {
    const std::vector<int64_t>& counts = binades_[kSignBinade + exponent];
    for (uint32_t slot = counts.size(); slot-- > 0;) {
      if (counts[slot] == 0) continue;
      result.push_back(
          {-magnitude_at(exponent, slot + 1, shift_), -magnitude_at(exponent, slot, shift_), counts[slot]});
    }
  }
  if (zeros_ > 0) result.push_back({0, 0, zeros_});
  for (uint32_t exponent = 0; exponent < kNonFiniteExponent; ++exponent) {
    const std::vector<int64_t>& counts = binades_[exponent];
    for (uint32_t slot = 0; slot < counts.size(); ++slot) {
      if (counts[slot] == 0) continue;
      result.push_back({magnitude_at(exponent, slot, shift_), magnitude_at(exponent, slot + 1, shift_), counts[slot]});
    }
  }
  return result;
}

double QuantileSketch::order_statistic(const std::vector<Bin>& bins, int64_t rank) const {
  if (rank <= 0) return min_;
  if (rank >= count_ - 1) return max_;
  int64_t below = 0;
  for (const Bin& bin : bins) {
    if (rank < below + bin.count) {
      const double part = (rank - below + 0.5) / bin.count;
      return std::clamp<double>(bin.low + part * (bin.high - bin.low), min_, max_);
    }
    below += bin.count;
  }
  return max_;
}

double QuantileSketch::quantile(double q) const {
  const std::vector<Bin> bins = this->bins();
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1);
  const int64_t rank = static_cast<int64_t>(std::floor(position));
  const double lower = order_statistic(bins, rank);
  return lower + (position - rank) * (order_statistic(bins, rank + 1) - lower);
}

std::vector<WeightedValue> QuantileSketch::values() const {
  std::vector<WeightedValue> result;
  for (const Bin& bin : bins()) {
    result.push_back({std::clamp<double>((bin.low + bin.high) / 2, min_, max_), static_cast<double>(bin.count)});
  }
  return result;
}

std::pair<double, double> median_and_deviation(std::vector<WeightedValue> values) {
  std::sort(values.begin(), values.end(), by_value);
  const double median = weighted_median(values);
  for (WeightedValue& v : values) v.value = std::abs(v.value - median);
  std::sort(values.begin(), values.end(), by_value);
  return {median, weighted_median(values)};
}

}  // namespace pare::quantization
