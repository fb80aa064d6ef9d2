#include "compression/quantization/range_collector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "compression/quantization/quantile_sketch.h"
#include "compression/quantization/range_search.h"
#include "ops/order_statistics.h"
#include "ops/range_statistics.h"

namespace pare::quantization {

namespace {

constexpr double kSigmas = 3.0;
constexpr double kDeviationOfNormal = 1.4826;  // sigma / MAD of a normal distribution
constexpr int kSketchBits = 10;
constexpr int kSketchBitsPerChannel = 7;  // a sketch a channel: smaller ones

at::Tensor dense_on_cpu(const at::Tensor& x) { return x.detach().to(c10::kCPU, c10::kFloat).contiguous(); }

// Calls visit(channel, numbers, count) for each stretch of memory that belongs to one channel.
void for_each_stretch(const at::Tensor& dense, int64_t axis,
                      const std::function<void(int64_t, const float*, int64_t)>& visit) {
  const float* data = dense.data_ptr<float>();
  if (axis < 0) return visit(0, data, dense.numel());
  TORCH_CHECK(axis < dense.dim(), "a tensor of ", dense.dim(), " dimensions has no channel axis ", axis);
  const int64_t channels = dense.size(axis);
  const int64_t inner = dense.stride(axis);
  const int64_t stretches = inner > 0 ? dense.numel() / inner : 0;
  for (int64_t i = 0; i < stretches; ++i) visit(i % channels, data + i * inner, inner);
}

int64_t channels_of(const at::Tensor& x, int64_t axis) {
  if (axis < 0) return 1;
  TORCH_CHECK(axis < x.dim(), "a tensor of ", x.dim(), " dimensions has no channel axis ", axis);
  return x.size(axis);
}

std::vector<float> to_vector(const at::Tensor& tensor) {
  const at::Tensor dense = dense_on_cpu(tensor);
  return {dense.data_ptr<float>(), dense.data_ptr<float>() + dense.numel()};
}

// Numbers travel as their bits: JSON has no NaN and no infinity.
nlohmann::json bits_of(const std::vector<float>& numbers) {
  nlohmann::json bits = nlohmann::json::array();
  for (float x : numbers) bits.push_back(std::bit_cast<uint32_t>(x));
  return bits;
}
nlohmann::json bits_of(const std::vector<double>& numbers) {
  nlohmann::json bits = nlohmann::json::array();
  for (double x : numbers) bits.push_back(std::bit_cast<uint64_t>(x));
  return bits;
}
std::vector<float> floats_of(const nlohmann::json& bits) {
  std::vector<float> numbers;
  for (const nlohmann::json& each : bits) numbers.push_back(std::bit_cast<float>(each.get<uint32_t>()));
  return numbers;
}
std::vector<double> doubles_of(const nlohmann::json& bits) {
  std::vector<double> numbers;
  for (const nlohmann::json& each : bits) numbers.push_back(std::bit_cast<double>(each.get<uint64_t>()));
  return numbers;
}

absl::Status nothing_seen(const std::string& name) {
  return absl::FailedPreconditionError(
      absl::StrCat("quantizer ", name,
                   ": no value reached it, so its range is not known; expected samples to "
                   "initialise it with: is the data loader empty?"));
}

absl::Status not_finite(const std::string& name, size_t channel) {
  return absl::InvalidArgumentError(absl::StrCat("quantizer ", name, ": a NaN or an infinity reached it, in channel ",
                                                 channel, "; look for it in the weights and in the data"));
}

// median +- 3 sigma, sigma told by the deviation, but not beyond zero where no number is. Nothing but zeros has no
// median.
SearchedRange three_sigma(double median, double deviation, float min, float max) {
  if (std::isnan(median)) return {0, 0};
  const double reach = kSigmas * kDeviationOfNormal * deviation;
  double low = median - reach, high = median + reach;
  if (min >= 0) low = std::max(low, 0.0);
  if (max <= 0) high = std::min(high, 0.0);
  return {static_cast<float>(low), static_cast<float>(high)};
}

// The numbers of each channel with a weight each -> its range, for the types that look at a distribution.
SearchedRange range_of_distribution(const RangeSettings& settings, const QuantizerConfig& config,
                                    std::vector<WeightedValue> values, float min, float max) {
  if (settings.type == RangeType::kMse) return search_range(values, config);
  std::erase_if(values, [](const WeightedValue& v) { return v.value == 0; });
  if (values.empty()) return {0, 0};
  const auto [median, deviation] = median_and_deviation(std::move(values));
  return three_sigma(median, deviation, min, max);
}

class ExtremesCollector : public RangeCollector {
 public:
  explicit ExtremesCollector(const Quantizer& quantizer) : name_(quantizer.name()), axis_(quantizer.channel_axis()) {}

  void add(const at::Tensor& x) override {
    if (x.numel() == 0) return;
    const ops::Extremes extremes = ops::min_max(x, axis_);
    const ValueRange range{to_vector(extremes.min), to_vector(extremes.max)};
    if (range_.min.empty()) {
      range_ = range;
      return;
    }
    TORCH_CHECK(range.min.size() == range_.min.size(), "the number of channels changed from ", range_.min.size(),
                " to ", range.min.size());
    range_ = merge_ranges(range_, range);
  }

  nlohmann::json state() const override { return {bits_of(range_.min), bits_of(range_.max)}; }

  absl::Status merge(const nlohmann::json& state) override {
    return guard_torch(absl::StrCat("quantizer ", name_), [&] {
      const ValueRange other{floats_of(state.at(0)), floats_of(state.at(1))};
      if (other.min.empty()) return;
      TORCH_CHECK(other.min.size() == other.max.size() && (range_.min.empty() || range_.min.size() == other.min.size()),
                  "processes see ", range_.min.size(), " and ", other.min.size(), " channels");
      range_ = range_.min.empty() ? other : merge_ranges(range_, other);
    });
  }

  absl::StatusOr<ValueRange> range() const override {
    if (range_.min.empty()) return nothing_seen(name_);
    return range_;
  }

 private:
  std::string name_;
  int64_t axis_;
  ValueRange range_;
};

// Means over the samples of what `of_sample` says of each.
class MeanCollector : public RangeCollector {
 public:
  using OfSample = std::function<ValueRange(const at::Tensor& sample, int64_t axis)>;
  MeanCollector(const Quantizer& quantizer, OfSample of_sample)
      : name_(quantizer.name()), axis_(quantizer.channel_axis()), of_sample_(std::move(of_sample)) {}

  void add(const at::Tensor& x) override {
    if (x.numel() == 0) return;
    if (x.dim() == 0 || axis_ == 0) return add_sample(x, axis_);
    channels_of(x, axis_);
    for (int64_t i = 0; i < x.size(0); ++i) add_sample(x.select(0, i), axis_ < 0 ? -1 : axis_ - 1);
  }

  nlohmann::json state() const override { return {samples_, bits_of(min_sums_), bits_of(max_sums_)}; }

  absl::Status merge(const nlohmann::json& state) override {
    return guard_torch(absl::StrCat("quantizer ", name_), [&] {
      const auto samples = state.at(0).get<int64_t>();
      const std::vector<double> mins = doubles_of(state.at(1)), maxs = doubles_of(state.at(2));
      if (samples == 0) return;
      TORCH_CHECK(mins.size() == maxs.size() && (samples_ == 0 || mins.size() == min_sums_.size()), "processes see ",
                  min_sums_.size(), " and ", mins.size(), " channels");
      min_sums_.resize(mins.size());
      max_sums_.resize(maxs.size());
      for (size_t c = 0; c < mins.size(); ++c) {
        min_sums_[c] += mins[c];
        max_sums_[c] += maxs[c];
      }
      samples_ += samples;
    });
  }

  absl::StatusOr<ValueRange> range() const override {
    if (samples_ == 0) return nothing_seen(name_);
    ValueRange range;
    for (double sum : min_sums_) range.min.push_back(static_cast<float>(sum / samples_));
    for (double sum : max_sums_) range.max.push_back(static_cast<float>(sum / samples_));
    return range;
  }

 private:
  void add_sample(const at::Tensor& sample, int64_t axis) {
    const ValueRange range = of_sample_(sample, axis);
    if (samples_ == 0) {
      min_sums_.resize(range.min.size());
      max_sums_.resize(range.max.size());
    }
    TORCH_CHECK(range.min.size() == min_sums_.size(), "the number of channels changed from ", min_sums_.size(), " to ",
                range.min.size());
    for (size_t c = 0; c < range.min.size(); ++c) {
      min_sums_[c] += range.min[c];
      max_sums_[c] += range.max[c];
    }
    ++samples_;
  }

  std::string name_;
  int64_t axis_;
  OfSample of_sample_;
  std::vector<double> min_sums_, max_sums_;
  int64_t samples_ = 0;
};

class SketchCollector : public RangeCollector {
 public:
  SketchCollector(const Quantizer& quantizer, const RangeSettings& settings)
      : name_(quantizer.name()), axis_(quantizer.channel_axis()), config_(quantizer.config()), settings_(settings) {}

  void add(const at::Tensor& x) override {
    const size_t channels = channels_of(x, axis_);
    if (sketches_.empty()) make_sketches(channels);
    TORCH_CHECK(channels == sketches_.size(), "the number of channels changed from ", sketches_.size(), " to ",
                channels);
    const at::Tensor dense = dense_on_cpu(x);
    for_each_stretch(dense, axis_, [&](int64_t c, const float* data, int64_t size) { sketches_[c].add(data, size); });
  }

  nlohmann::json state() const override {
    nlohmann::json states = nlohmann::json::array();
    for (const QuantileSketch& sketch : sketches_) states.push_back(sketch.state());
    return states;
  }

  absl::Status merge(const nlohmann::json& states) override {
    if (!states.is_array() || (!states.empty() && !sketches_.empty() && states.size() != sketches_.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("quantizer ", name_, ": processes see ", sketches_.size(), " and ", states.size(), " channels"));
    }
    if (sketches_.empty()) make_sketches(states.size());
    for (size_t c = 0; c < states.size(); ++c) PARE_RETURN_IF_ERROR(sketches_[c].merge(states[c]));
    return absl::OkStatus();
  }

  absl::StatusOr<ValueRange> range() const override {
    ValueRange range;
    for (size_t c = 0; c < sketches_.size(); ++c) {
      const QuantileSketch& sketch = sketches_[c];
      if (sketch.has_non_finite()) return not_finite(name_, c);
      if (sketch.count() == 0) return nothing_seen(name_);
      if (settings_.type == RangeType::kPercentile) {
        range.min.push_back(static_cast<float>(sketch.quantile(settings_.min_percentile / 100)));
        range.max.push_back(static_cast<float>(sketch.quantile(settings_.max_percentile / 100)));
      } else {
        const SearchedRange found =
            range_of_distribution(settings_, config_, sketch.values(), sketch.min(), sketch.max());
        range.min.push_back(found.min);
        range.max.push_back(found.max);
      }
    }
    if (range.min.empty()) return nothing_seen(name_);
    return range;
  }

 private:
  void make_sketches(size_t channels) {
    sketches_.assign(channels, QuantileSketch(axis_ < 0 ? kSketchBits : kSketchBitsPerChannel));
  }

  std::string name_;
  int64_t axis_;
  QuantizerConfig config_;
  RangeSettings settings_;
  std::vector<QuantileSketch> sketches_;
};

// The numbers of each channel, copied.
std::vector<std::vector<float>> by_channel(const at::Tensor& x, int64_t axis) {
  std::vector<std::vector<float>> channels(channels_of(x, axis));
  const at::Tensor dense = dense_on_cpu(x);
  for_each_stretch(dense, axis, [&](int64_t c, const float* data, int64_t size) {
    channels[c].insert(channels[c].end(), data, data + size);
  });
  return channels;
}

ValueRange extremes_of(const at::Tensor& x, int64_t axis) {
  const ops::Extremes extremes = ops::min_max(x, axis);
  return {to_vector(extremes.min), to_vector(extremes.max)};
}

ValueRange percentiles_of(const at::Tensor& x, int64_t axis, const RangeSettings& settings) {
  ValueRange range = extremes_of(x, axis);
  const std::vector<float> low = to_vector(ops::percentile(x, axis, settings.min_percentile)),
                           high = to_vector(ops::percentile(x, axis, settings.max_percentile));
  for (size_t c = 0; c < low.size(); ++c) {
    // A NaN or an infinity, which a percentile may pass by, is to reach the range and be refused there.
    if (!std::isfinite(range.min[c])) {
      range.max[c] = range.min[c];
    } else if (!std::isfinite(range.max[c])) {
      range.min[c] = range.max[c];
    } else {
      range.min[c] = low[c];
      range.max[c] = high[c];
    }
  }
  return range;
}

ValueRange three_sigma_of(const at::Tensor& x, int64_t axis, const ValueRange& extremes) {
  const ops::MedianAndDeviation found = ops::median_absolute_deviation(x, axis, /*without_zeros=*/true);
  const std::vector<float> median = to_vector(found.median), deviation = to_vector(found.deviation);
  ValueRange range;
  for (size_t c = 0; c < median.size(); ++c) {
    const SearchedRange of_channel = three_sigma(median[c], deviation[c], extremes.min[c], extremes.max[c]);
    range.min.push_back(of_channel.min);
    range.max.push_back(of_channel.max);
  }
  return range;
}

}  // namespace

ValueRange merge_ranges(const ValueRange& a, const ValueRange& b) {
  // A NaN on either side stays.
  const auto pick = [](float x, float y, bool x_wins) { return std::isnan(x) || (x_wins && !std::isnan(y)) ? x : y; };
  ValueRange merged;
  for (size_t c = 0; c < a.min.size(); ++c) {
    merged.min.push_back(pick(a.min[c], b.min[c], a.min[c] < b.min[c]));
    merged.max.push_back(pick(a.max[c], b.max[c], a.max[c] > b.max[c]));
  }
  return merged;
}

std::unique_ptr<RangeCollector> make_range_collector(const RangeSettings& settings, const Quantizer& quantizer) {
  switch (settings.type) {
    case RangeType::kMinMax:
    case RangeType::kMixedMinMax:
      return std::make_unique<ExtremesCollector>(quantizer);
    case RangeType::kMeanMinMax:
      return std::make_unique<MeanCollector>(quantizer, extremes_of);
    case RangeType::kMeanPercentile:
      return std::make_unique<MeanCollector>(quantizer, [settings](const at::Tensor& sample, int64_t axis) {
        return percentiles_of(sample, axis, settings);
      });
    case RangeType::kThreeSigma:
    case RangeType::kPercentile:
    case RangeType::kMse:
      break;
  }
  return std::make_unique<SketchCollector>(quantizer, settings);
}

absl::StatusOr<ValueRange> weight_range(const RangeSettings& settings, const Quantizer& quantizer,
                                        const at::Tensor& weight) {
  if (weight.numel() == 0) return nothing_seen(quantizer.name());
  const int64_t axis = quantizer.channel_axis();
  const auto in_torch = [&](auto&& compute) {
    return guard_torch(absl::StrCat("quantizer ", quantizer.name()), compute);
  };
  PARE_ASSIGN_OR_RETURN(const ValueRange extremes, in_torch([&] { return extremes_of(weight, axis); }));
  for (size_t c = 0; c < extremes.min.size(); ++c) {
    if (!std::isfinite(extremes.min[c]) || !std::isfinite(extremes.max[c])) return not_finite(quantizer.name(), c);
  }
  switch (settings.type) {
    case RangeType::kMinMax:
    case RangeType::kMixedMinMax:
    case RangeType::kMeanMinMax:
      return extremes;
    case RangeType::kPercentile:
    case RangeType::kMeanPercentile:
      return in_torch([&] { return percentiles_of(weight, axis, settings); });
    case RangeType::kThreeSigma:
      return in_torch([&] { return three_sigma_of(weight, axis, extremes); });
    case RangeType::kMse:
      break;
  }
  return in_torch([&] {
    ValueRange range;
    for (const std::vector<float>& numbers : by_channel(weight, axis)) {
      std::vector<WeightedValue> values;
      for (float x : numbers) values.push_back({x, 1.0});
      const SearchedRange found = search_range(values, quantizer.config());
      range.min.push_back(found.min);
      range.max.push_back(found.max);
    }
    return range;
  });
}

}  // namespace pare::quantization
