#include "compression/quantization/precision_search.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace pare::quantization {
namespace {

constexpr double kMaxAssignments = 1e7;
constexpr double kFullBits = 8;

// An assignment that follows the traces is where, among the layers in the order of their traces, each further number of
// bits begins: with sums over prefixes its costs are looked up, not added anew.
class Search {
 public:
  Search(const std::vector<PrecisionLayer>& layers, const std::vector<int>& bits, double ratio)
      : bits_(bits), order_(layers.size()) {
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](size_t a, size_t b) { return layers[a].average_trace < layers[b].average_trace; });
    flops_ = {0.0};
    sensitivity_.assign(bits.size(), {0.0});
    for (const size_t layer : order_) {
      flops_.push_back(flops_.back() + layers[layer].flops);
      for (size_t b = 0; b < bits.size(); ++b) {
        sensitivity_[b].push_back(sensitivity_[b].back() +
                                  layers[layer].average_trace * layers[layer].squared_errors[b]);
      }
    }
    // A hair of room: the ratio asked for may be one that is exactly reached.
    budget_ = kFullBits * flops_.back() / ratio * (1 + 1e-12);
  }

  double greatest_ratio() const { return kFullBits / static_cast<double>(bits_.front()); }

  PrecisionChoice run() {
    std::vector<size_t> starts;
    visit(0, 0, 0.0, 0.0, starts);
    PrecisionChoice choice;
    choice.bits.resize(order_.size());
    for (size_t b = 0; b < bits_.size(); ++b) {
      const size_t end = b + 1 < bits_.size() ? best_starts_[b + 1] : order_.size();
      for (size_t i = best_starts_[b]; i < end; ++i) choice.bits[order_[i]] = bits_[b];
    }
    choice.sensitivity = best_sensitivity_;
    choice.ratio = best_complexity_ > 0 ? kFullBits * flops_.back() / best_complexity_ : kFullBits / bits_.front();
    return choice;
  }

 private:
  // Layers from `start` on are still to be given bits_[b] or more.
  void visit(size_t b, size_t start, double sensitivity, double complexity, std::vector<size_t>& starts) {
    starts.push_back(start);
    const size_t first_end = b + 1 < bits_.size() ? start : order_.size();
    for (size_t end = first_end; end <= order_.size(); ++end) {
      const double s = sensitivity + sensitivity_[b][end] - sensitivity_[b][start];
      const double c = complexity + (flops_[end] - flops_[start]) * bits_[b];
      if (b + 1 < bits_.size()) {
        visit(b + 1, end, s, c, starts);
      } else if (c <= budget_ && (s < best_sensitivity_ || (s == best_sensitivity_ && c < best_complexity_))) {
        best_sensitivity_ = s;
        best_complexity_ = c;
        best_starts_ = starts;
      }
    }
    starts.pop_back();
  }

  const std::vector<int>& bits_;
  std::vector<size_t> order_;                     // of the layers, the least trace first
  std::vector<double> flops_;                     // of the first so many of them
  std::vector<std::vector<double>> sensitivity_;  // the same, for each number of bits
  double budget_ = 0;
  std::vector<size_t> best_starts_;
  double best_sensitivity_ = std::numeric_limits<double>::infinity();
  double best_complexity_ = std::numeric_limits<double>::infinity();
};

// C(layers + bits - 1, bits - 1).
double num_assignments(size_t layers, size_t bits) {
  double count = 1;
  for (size_t i = 1; i < bits; ++i) count *= static_cast<double>(layers + i) / static_cast<double>(i);
  return count;
}

}  // namespace

absl::StatusOr<PrecisionChoice> choose_precisions(const std::vector<PrecisionLayer>& layers,
                                                  const std::vector<int>& bits, double compression_ratio) {
  if (layers.empty() || bits.empty()) {
    return absl::InvalidArgumentError("mixed precision: there are no layers, or no bits, to choose from");
  }
  if (num_assignments(layers.size(), bits.size()) > kMaxAssignments) {
    return absl::InvalidArgumentError(absl::StrCat("mixed precision: ", layers.size(), " layers and ", bits.size(),
                                                   " numbers of bits are more assignments than can be looked at; give "
                                                   "fewer numbers in \"bits\""));
  }
  Search search(layers, bits, compression_ratio);
  if (compression_ratio > search.greatest_ratio()) {
    return absl::InvalidArgumentError(absl::StrCat("mixed precision: a compression ratio of ", compression_ratio,
                                                   " cannot be reached: with ", bits.front(),
                                                   " bits for every layer it is ", search.greatest_ratio()));
  }
  return search.run();
}

}  // namespace pare::quantization
