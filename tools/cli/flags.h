// tools/cli/flags.h: the flags of `pare`, shared by its commands: one name means one thing everywhere.

#ifndef PARE_TOOLS_CLI_FLAGS_H_
#define PARE_TOOLS_CLI_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/types/optional.h"

// Data.
ABSL_DECLARE_FLAG(std::string, dataset);
ABSL_DECLARE_FLAG(std::string, data_dir);
ABSL_DECLARE_FLAG(std::vector<std::string>, mean);
ABSL_DECLARE_FLAG(std::vector<std::string>, std);
ABSL_DECLARE_FLAG(int64_t, image_size);
ABSL_DECLARE_FLAG(int64_t, batch_size);
ABSL_DECLARE_FLAG(int64_t, limit);
ABSL_DECLARE_FLAG(int64_t, samples);
ABSL_DECLARE_FLAG(bool, random_data);
ABSL_DECLARE_FLAG(std::vector<std::string>, input_shape);
ABSL_DECLARE_FLAG(uint64_t, seed);

// Model and compression.
ABSL_DECLARE_FLAG(std::string, model);
ABSL_DECLARE_FLAG(std::string, config);
ABSL_DECLARE_FLAG(std::string, backend);
ABSL_DECLARE_FLAG(std::string, device);
ABSL_DECLARE_FLAG(std::string, preset);
ABSL_DECLARE_FLAG(bool, evaluate);

// Training.
ABSL_DECLARE_FLAG(int64_t, epochs);
ABSL_DECLARE_FLAG(absl::optional<double>, learning_rate);
ABSL_DECLARE_FLAG(std::string, schedule);
ABSL_DECLARE_FLAG(std::vector<std::string>, milestones);
ABSL_DECLARE_FLAG(double, gamma);
ABSL_DECLARE_FLAG(double, power);
ABSL_DECLARE_FLAG(double, warmup_epochs);
ABSL_DECLARE_FLAG(std::string, optimizer);
ABSL_DECLARE_FLAG(absl::optional<double>, weight_decay);
ABSL_DECLARE_FLAG(bool, freeze_batch_norm);
ABSL_DECLARE_FLAG(bool, augment);
ABSL_DECLARE_FLAG(int64_t, pretrain_epochs);
ABSL_DECLARE_FLAG(int64_t, train_samples);
ABSL_DECLARE_FLAG(bool, resume);
ABSL_DECLARE_FLAG(int64_t, checkpoint_every);
ABSL_DECLARE_FLAG(int64_t, keep_checkpoints);
ABSL_DECLARE_FLAG(bool, allow_unfinished_schedule);

// Several processes.
ABSL_DECLARE_FLAG(int64_t, nproc);
ABSL_DECLARE_FLAG(int64_t, nnodes);
ABSL_DECLARE_FLAG(int64_t, node_rank);
ABSL_DECLARE_FLAG(std::string, master_addr);
ABSL_DECLARE_FLAG(int64_t, master_port);
ABSL_DECLARE_FLAG(int64_t, process_timeout_seconds);

// Memory.
ABSL_DECLARE_FLAG(bool, caching_allocator);
ABSL_DECLARE_FLAG(int64_t, cpu_memory_limit_mb);

// Output.
ABSL_DECLARE_FLAG(std::string, output);
ABSL_DECLARE_FLAG(std::string, output_dir);
ABSL_DECLARE_FLAG(bool, json);
ABSL_DECLARE_FLAG(bool, quiet);

#endif  // PARE_TOOLS_CLI_FLAGS_H_
