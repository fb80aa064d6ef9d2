// tools/results/experiments.h: what tools/results measures, read from a file, and the table of what came out.
//
//   PARE_ASSIGN_OR_RETURN(auto experiments, read_experiments("tools/results/experiments.json"));
//   std::cout << results_table({{experiments[0], results}});

#ifndef PARE_TOOLS_RESULTS_EXPERIMENTS_H_
#define PARE_TOOLS_RESULTS_EXPERIMENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace pare::tools {

struct Experiment {
  std::string name;    // of its folder
  std::string title;   // in the table
  std::string config;  // a file; the experiments' file names it relative to its own folder
  int64_t epochs = 1;
  double learning_rate = 0.01;  // the greatest; a cosine from there to 0
  std::string optimizer = "sgd";
  double weight_decay = 1e-4;
  // Whether batch norms train with the running statistics that they have. What changes the network little is better
  // off.
  bool freeze_batch_norm = true;
};

// {"experiments": [{"name", "title", "config", "epochs", "learning_rate", "optimizer", "weight_decay",
// "freeze_batch_norm"}, ...]}, with comments. Errors:
// those of read_file(), InvalidArgument for what is no such file or names two experiments alike.
absl::StatusOr<std::vector<Experiment>> read_experiments(const std::string& path);

struct Outcome {
  Experiment experiment;
  nlohmann::ordered_json results;  // of run_training()
};

// As Markdown: the accuracy of the exported file against the original's, the zeros among the weights that a method of
// sparsity works on, the FLOPs that pruning has removed, the file's size, how much faster it runs
// (tools/train/compare_speed.h), epochs and the time they took. What an outcome does not have is left empty.
std::string results_table(const std::vector<Outcome>& outcomes);

}  // namespace pare::tools

#endif  // PARE_TOOLS_RESULTS_EXPERIMENTS_H_
