// training/trainer_testing.h: what the trainer's tests share.

#ifndef PARE_TRAINING_TRAINER_TESTING_H_
#define PARE_TRAINING_TRAINER_TESTING_H_

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/atomic_file.h"
#include "graph/state.h"
#include "training/testing.h"
#include "training/trainer.h"

namespace pare::training::testing {

// A method that writes down what is called, adds a constant to the loss, and is compressed from its second epoch on.
class Recorder : public CompressionAlgorithm {
 public:
  explicit Recorder(double extra_loss = 0.0)
      : CompressionAlgorithm(make_tiny_model(), AlgorithmConfig{}, InputSize{{1, 4}}),
        loss_(*this, extra_loss),
        scheduler_(*this) {}

  CompressionLoss& loss() override { return loss_; }
  CompressionScheduler& scheduler() override { return scheduler_; }
  CompressionStage stage() const override {
    return scheduler_.current_epoch() >= 1 ? CompressionStage::kFullyCompressed : CompressionStage::kUncompressed;
  }
  Statistics statistics() const override {
    Statistics statistics;
    statistics.set("events", static_cast<int64_t>(events.size()));
    return statistics;
  }

  std::vector<std::string> events;
  bool break_bias = false;
  int64_t epochs_needed = 0;
  double learning_rate_factor = 1.0, weight_decay_factor = 1.0;

 private:
  class Loss : public CompressionLoss {
   public:
    Loss(Recorder& recorder, double extra) : recorder_(recorder), extra_(extra) {}
    at::Tensor forward() override {
      recorder_.bias_before_ = recorder_.bias().clone();
      return extra_ == 0.0 ? at::Tensor() : at::full({}, extra_);
    }

   private:
    Recorder& recorder_;
    double extra_;
  };
  class Scheduler : public CompressionScheduler {
   public:
    explicit Scheduler(Recorder& recorder) : recorder_(recorder) {}
    void step(std::optional<int64_t> last) override {
      CompressionScheduler::step(last);
      const bool stepped = !at::equal(recorder_.bias(), recorder_.bias_before_);
      recorder_.events.push_back(absl::StrCat(stepped ? "updated, " : "", "step ", current_step()));
      if (recorder_.break_bias) recorder_.bias()[0] = std::numeric_limits<double>::quiet_NaN();
    }
    int64_t epochs_needed() const override { return recorder_.epochs_needed; }
    double learning_rate_factor() const override { return recorder_.learning_rate_factor; }
    double weight_decay_factor() const override { return recorder_.weight_decay_factor; }
    void epoch_step(std::optional<int64_t> last) override {
      CompressionScheduler::epoch_step(last);
      recorder_.events.push_back(absl::StrCat("epoch ", current_epoch()));
    }

   private:
    Recorder& recorder_;
  };

  at::Tensor bias() const { return model()->graph().find_parameter("head.bias")->tensor().detach(); }

  at::Tensor bias_before_;
  Loss loss_;
  Scheduler scheduler_;
};

inline TrainOptions quiet_options(int64_t epochs) {
  TrainOptions options;
  options.epochs = epochs;
  options.learning_rate = {.base = 0.1};
  options.progress.quiet = true;
  return options;
}

inline void expect_same_state(graph::Model& a, graph::Model& b) {
  const graph::ModelState first = graph::get_state(a), second = graph::get_state(b);
  ASSERT_EQ(first.tensors.size(), second.tensors.size());
  for (const auto& [name, tensor] : first.tensors) EXPECT_TRUE(at::equal(tensor, second.tensors.at(name))) << name;
}

// metrics.jsonl without what depends on the clock.
inline std::vector<nlohmann::json> metrics_of(const std::string& folder) {
  std::vector<nlohmann::json> lines;
  const std::string text = read_file(folder + "/metrics.jsonl").value();
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    lines.push_back(nlohmann::json::parse(line.begin(), line.end()));
    lines.back().erase("seconds");
    lines.back().erase("data_seconds");
  }
  return lines;
}

inline bool exists(const std::string& path) { return read_file(path).ok(); }

}  // namespace pare::training::testing

#endif  // PARE_TRAINING_TRAINER_TESTING_H_
