// tools/train/before_training.h: the accuracies from before a training, as the file before_training.json keeps them for
// a run that goes on with it.
//
//   results.update(read_before_training(R"({"original": {"top1": 0.9, "correct": 9, "total": 10, "loss": 0.5}})"));

#ifndef PARE_TOOLS_TRAIN_BEFORE_TRAINING_H_
#define PARE_TOOLS_TRAIN_BEFORE_TRAINING_H_

#include <string>

#include "nlohmann/json.hpp"

namespace pare::tools {

// An object with those of "original" and "initialized" that are results of an evaluation (training/report.h). What a
// damaged file has in their place is left out, as if it had not been measured.
nlohmann::ordered_json read_before_training(const std::string& text);

}  // namespace pare::tools

#endif  // PARE_TOOLS_TRAIN_BEFORE_TRAINING_H_
