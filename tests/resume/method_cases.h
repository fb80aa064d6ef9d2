// tests/resume/method_cases.h: every compression method on one small network, for tests that train all of them.
//
//   for (const MethodCase& each : method_cases()) {
//     std::unique_ptr<CaseTraining> training = make_training(each);
//     training::Trainer(*training->algorithm, *training->train, training->eval.get(), options).run();
//   }
//
// x [B, 3, 8, 8] -> conv1 (3 -> 8) -> bn1 -> relu -> conv2 (8 -> 8) -> bn2 -> relu -> mean -> dropout -> fc1 (8 -> 16)
// -> relu -> fc2 (16 -> 4). Images are shuffled and mirrored by the loader, dropout draws from LibTorch's generator,
// and each case's schedule moves within its epochs.

#ifndef PARE_TESTS_RESUME_METHOD_CASES_H_
#define PARE_TESTS_RESUME_METHOD_CASES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compression/algorithm.h"
#include "config/accuracy_aware_settings.h"
#include "data/image_loader.h"
#include "training/trainer.h"

namespace pare {

struct MethodCase {
  std::string name;
  std::string config;  // JSON
  int64_t epochs = 4;  // until its schedule has ended, and one more
  training::OptimizerKind optimizer = training::OptimizerKind::kSgd;
  double learning_rate = 0.02;
  double freeze_batch_norm_epoch = -1;
};

// All of them, and "none".
const std::vector<MethodCase>& method_cases();
const MethodCase& method_case(const std::string& name);

struct CaseTraining {
  std::unique_ptr<data::ImageLoader> train, eval, calibration;
  std::unique_ptr<CompressionAlgorithm> algorithm;
  std::optional<AccuracyAwareSettings> accuracy_aware;
};

inline constexpr int64_t kStepsPerEpoch = 6;

// A training, as a new process would make it; with `resumes` the methods are left without initialization, for a
// checkpoint. Ends the program on an error.
struct CaseOptions {
  bool resumes = false;
  int64_t steps_per_epoch = kStepsPerEpoch;
  int workers = 1;  // threads that prepare training images
};
std::unique_ptr<CaseTraining> make_training(const MethodCase& each, const CaseOptions& options = {});
training::TrainOptions options_for(const MethodCase& each);
// Trainer or AccuracyAwareTraining.
absl::Status run_training(CaseTraining& training, const training::TrainOptions& options);

// The network, the same on every call.
std::shared_ptr<graph::Model> make_case_network();

// The bytes of each tensor and of each state, by name, of the model and its methods: the same where all bits are.
std::map<std::string, std::string> bits_of(const CompressionAlgorithm& algorithm);
// The names of those that differ; empty: none.
std::string difference(const std::map<std::string, std::string>& one, const std::map<std::string, std::string>& other);

}  // namespace pare

#endif  // PARE_TESTS_RESUME_METHOD_CASES_H_
