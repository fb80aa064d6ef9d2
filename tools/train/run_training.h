// tools/train/run_training.h: a whole training from names: what `pare train` and the targets of tools/train do.
//
//   TrainingJob job;
//   job.model = "resnet20_cifar10.pt";
//   job.data = {.name = "cifar10", .dir = "cifar-10-batches-bin"};
//   job.config_path = "int8.json";
//   job.train.epochs = 1;
//   job.train.output_dir = "out";
//   PARE_ASSIGN_OR_RETURN(nlohmann::ordered_json results, run_training(job));
//
// A config with "accuracy_aware_training" trains by it (training/accuracy_aware.h), with the top-1 before compression
// as the accuracy to keep; train.epochs is then as described there.
//
// Opens the data, loads the model (or makes one of models/ and first trains it uncompressed), compresses it by the
// config, trains, evaluates, and writes into output_dir, beside the trainer's own files: model.onnx, the compressed
// model, results.json, what is returned, and before_training.json, the accuracies from before the training, which a
// resumed one does not measure again. A training that is not resumed first removes the checkpoints that it finds there.
// The program must have linked the methods that the config names and the
// exporter of ONNX (//export:register_exporters).

#ifndef PARE_TOOLS_TRAIN_RUN_TRAINING_H_
#define PARE_TOOLS_TRAIN_RUN_TRAINING_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "tools/common/open_data.h"
#include "training/trainer.h"

namespace pare::tools {

struct TrainingJob {
  std::string model;  // a TorchScript file, or the name of a model of models/
  DataSource data;

  std::string config_path;  // empty: no compression
  std::string backend;      // of the kernels, as in backends/choice.h; empty: the config's
  // Of the network, of what trains it and of its data; of tools/common/device.h. Files are for any device: a training
  // may be resumed on another one.
  c10::Device device = c10::Device(c10::kCPU);
  // Of one batch; empty: the config's input_info for a file, else the data set's.
  std::vector<int64_t> input_size;

  int64_t batch_size = 128;
  int64_t eval_batch_size = 256;
  int64_t loader_threads = 1;
  bool augment = true;        // random crops and mirrored images where the data set is used to them
  int64_t train_samples = 0;  // only the first so many; 0: all
  int64_t eval_samples = 0;

  // Training without compression before, for a model of models/, which starts from random weights: the same optimizer,
  // with a warmup of half an epoch and a cosine. The weights of a file are taken as they are.
  int64_t pretrain_epochs = 0;
  double pretrain_learning_rate = 0.1;
  double pretrain_weight_decay = 5e-4;

  // Where a launcher has started several processes (distributed/rendezvous.h), they train together: how long one waits
  // for another.
  int64_t process_timeout_seconds = 300;

  // Of the training with compression. `config` and `progress` are filled in by run_training().
  training::TrainOptions train;

  bool evaluate_original = true;  // also measures the model before compression, and compressed before training
  bool export_model = true;
  bool compare_speed = false;  // of the exported model and the original, into the results; tools/train/compare_speed.h
  bool quiet = false;
};

// In several processes each opens the data, and takes its part of every batch; on GPUs each has the one of its local
// rank. Process 0 writes the files and gets the results, the others nothing (null).
//
// {"model", "dataset", "device", "original": {"top1", "correct", "total"}, "initialized": {..}, "trained": {..},
// "best": {..},
//  "exported": {..}, "speed": {..}, "accuracy_aware": {"mode", "budget_met", "accuracy", "accuracy_drop",
//  "accuracy_budget", "epoch", "compression_rate"}, "epochs", "steps", "seconds", "stage", "statistics",
//  "peak_memory_bytes", "files": {"model":
//  ".../model.onnx", ...}}. "peak_memory_bytes", there with the caching allocator only, is the most that all tensors of
//  the program have held at once since it began.
// "accuracy_aware" is there with accuracy-aware training: its "accuracy_budget" is what is left of it, and "trained" is
// then the best epoch, which the model ends as. "exported" is the model as the file has it. "stage" is how far it is
// compressed; a warning is logged when that is not FULLY_COMPRESSED. A last batch of a single image, which batch norm
// cannot train on, is left out. Errors as Trainer::run()'s and those of its parts, with the name of the file or flag
// that is to blame; mistakes in the job are found before anything is trained or removed.
absl::StatusOr<nlohmann::ordered_json> run_training(const TrainingJob& job);

}  // namespace pare::tools

#endif  // PARE_TOOLS_TRAIN_RUN_TRAINING_H_
