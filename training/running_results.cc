#include "training/running_results.h"

#include <algorithm>

namespace pare::training {

void EpochSums::add(const StepReport& step, int64_t step_samples) {
  const double weight = static_cast<double>(step_samples);
  samples += step_samples;
  loss += step.loss * weight;
  task_loss += step.task_loss * weight;
  compression_loss += step.compression_loss * weight;
}

void EpochSums::fill(EpochReport& report) const {
  const double count = static_cast<double>(std::max<int64_t>(samples, 1));
  report.loss = loss / count;
  report.task_loss = task_loss / count;
  report.compression_loss = compression_loss / count;
  if (classified > 0) report.train_top1 = static_cast<double>(correct) / static_cast<double>(classified);
  report.seconds = seconds;
  report.data_seconds = data_seconds;
}

bool BestEpoch::is_beaten_by(CompressionStage other_stage, const EvaluationResult& other) const {
  if (epoch < 0) return true;
  return other_stage != stage ? other_stage > stage : other.top1() > result.top1();
}

void to_json(nlohmann::json& json, const EpochSums& sums) {
  json = {sums.samples,   sums.classified,       sums.correct, sums.loss,
          sums.task_loss, sums.compression_loss, sums.seconds, sums.data_seconds};
}

void from_json(const nlohmann::json& json, EpochSums& sums) {
  sums = {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4), json.at(5), json.at(6), json.at(7)};
}

void to_json(nlohmann::json& json, const BestEpoch& best) {
  json = {best.epoch, static_cast<int>(best.stage), best.result.correct, best.result.total, best.result.loss};
}

void from_json(const nlohmann::json& json, BestEpoch& best) {
  best = {json.at(0), static_cast<CompressionStage>(json.at(1).get<int>()), {json.at(2), json.at(3), json.at(4)}};
}

}  // namespace pare::training
