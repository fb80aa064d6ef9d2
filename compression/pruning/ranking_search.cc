#include "compression/pruning/ranking_search.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numbers>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "data/random.h"
#include "nlohmann/json.hpp"

namespace pare::pruning {
namespace {

struct Candidate {
  std::vector<RankingCoefficients> coefficients;
  double loss = std::numeric_limits<double>::infinity();
};

class Random {
 public:
  explicit Random(uint64_t seed) : stream_(seed, {.what = kWhat}) {}

  // Box and Muller.
  double normal(double deviation) {
    constexpr double kScale = 1.0 / 4294967296.0;
    const double u = (static_cast<double>(stream_.next()) + 1) * kScale;
    const double v = static_cast<double>(stream_.next()) * kScale;
    return deviation * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }

  // `count` of 0 ... size - 1, each once.
  std::vector<int64_t> draw(int64_t size, int64_t count) {
    std::vector<int64_t> order = data::random_permutation(size, stream_);
    order.resize(static_cast<size_t>(count));
    return order;
  }

 private:
  static constexpr uint32_t kWhat = 0x1e96;  // StreamName::what
  data::RandomStream stream_;
};

class Search {
 public:
  Search(const std::vector<double>& deviations, const RankingSearchOptions& options)
      : deviations_(deviations), options_(options), random_(options.seed) {}

  std::vector<RankingCoefficients> propose(int64_t generation) {
    if (generation == std::min(options_.population, options_.generations) - 1) {
      return std::vector<RankingCoefficients>(deviations_.size());
    }
    return generation < options_.population ? random_candidate() : child(generation);
  }

  void add(Candidate candidate) {
    population_.push_back(std::move(candidate));
    if (static_cast<int64_t>(population_.size()) > options_.population) population_.pop_front();
  }

 private:
  std::vector<RankingCoefficients> random_candidate() {
    std::vector<RankingCoefficients> result;
    for (const double deviation : deviations_)
      result.push_back({std::exp(random_.normal(1)), random_.normal(deviation)});
    return result;
  }

  std::vector<RankingCoefficients> child(int64_t generation) {
    const Candidate* parent = nullptr;
    for (const int64_t i : random_.draw(static_cast<int64_t>(population_.size()), options_.sample)) {
      const Candidate& each = population_[static_cast<size_t>(i)];
      if (parent == nullptr || each.loss < parent->loss) parent = &each;
    }
    const double step = 1 - static_cast<double>(generation) / (1.25 * static_cast<double>(options_.generations));
    std::vector<RankingCoefficients> result = parent->coefficients;
    const auto layers = static_cast<int64_t>(result.size());
    const auto mutated = static_cast<int64_t>(options_.mutation * static_cast<double>(layers));
    for (const int64_t layer : random_.draw(layers, std::clamp<int64_t>(mutated, 1, layers))) {
      RankingCoefficients& each = result[static_cast<size_t>(layer)];
      each.alpha *= std::exp(random_.normal(step));
      each.kappa += random_.normal(deviations_[static_cast<size_t>(layer)]);
    }
    return result;
  }

  const std::vector<double>& deviations_;
  RankingSearchOptions options_;
  Random random_;
  std::deque<Candidate> population_;
};

}  // namespace

absl::StatusOr<std::vector<RankingCoefficients>> search_ranking(const std::vector<double>& deviations,
                                                                const RankingSearchOptions& options,
                                                                const RankingEvaluation& evaluate) {
  Search search(deviations, options);
  Candidate best{std::vector<RankingCoefficients>(deviations.size())};
  for (int64_t generation = 0; generation < options.generations; ++generation) {
    Candidate candidate{search.propose(generation)};
    PARE_ASSIGN_OR_RETURN(candidate.loss, evaluate(candidate.coefficients));
    if (std::isnan(candidate.loss)) candidate.loss = std::numeric_limits<double>::infinity();
    if (candidate.loss < best.loss) best = candidate;
    search.add(std::move(candidate));
  }
  return best.coefficients;
}

absl::Status save_ranking(const std::string& path, const std::vector<std::string>& layers,
                          const std::vector<RankingCoefficients>& coefficients) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (size_t i = 0; i < layers.size(); ++i) json[layers[i]] = {coefficients[i].alpha, coefficients[i].kappa};
  return write_file_atomically(path, json.dump(1) + "\n");
}

absl::StatusOr<std::vector<RankingCoefficients>> load_ranking(const std::string& path,
                                                              const std::vector<std::string>& layers) {
  PARE_ASSIGN_OR_RETURN(const std::string text, read_file(path));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto damaged = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expected the ranking coefficients of this model, {\"<layer>\": [alpha, kappa]}, but ", what));
  };
  if (!json.is_object()) return damaged("it is no JSON object");
  if (json.size() != layers.size()) {
    return damaged(absl::StrCat("it has ", json.size(), " layers, the model ", layers.size()));
  }
  std::vector<RankingCoefficients> coefficients;
  for (const std::string& layer : layers) {
    const auto found = json.find(layer);
    if (found == json.end()) return damaged(absl::StrCat("it has none for ", layer));
    if (!found->is_array() || found->size() != 2 || !(*found)[0].is_number() || !(*found)[1].is_number()) {
      return damaged(absl::StrCat("that of ", layer, " is no pair of numbers"));
    }
    coefficients.push_back({(*found)[0].get<double>(), (*found)[1].get<double>()});
  }
  return coefficients;
}

}  // namespace pare::pruning
