#include "tools/cli/flags.h"

#include "absl/flags/flag.h"

ABSL_FLAG(std::string, dataset, "",
          "The data set: cifar10, mnist, images (a folder of PNG or JPEG files a class) or procedural.");
ABSL_FLAG(std::string, data_dir, "", "The folder that the data set's files are in.");
ABSL_FLAG(std::vector<std::string>, mean, {},
          "Mean a channel, of pixels from 0 to 1; unset: the data set's usual one.");
ABSL_FLAG(std::vector<std::string>, std, {}, "Standard deviation a channel; unset: the data set's usual one.");
ABSL_FLAG(int64_t, image_size, 0, "Side in pixels that the images of --dataset=images are brought to; 0: 224.");
ABSL_FLAG(int64_t, batch_size, 128, "Images a batch.");
ABSL_FLAG(int64_t, limit, 0, "Evaluate on the first so many images only; 0: on all.");
ABSL_FLAG(int64_t, samples, 300, "Images to calibrate on, drawn from the training images by --seed.");
ABSL_FLAG(bool, random_data, false, "Calibrate on random numbers instead of a data set: to try a model out.");
ABSL_FLAG(std::vector<std::string>, input_shape, {}, "Shape of the model's input, batch first: 1,3,224,224.");
ABSL_FLAG(uint64_t, seed, 0, "Seed of everything random, procedural images included.");

ABSL_FLAG(std::string, model, "",
          "A TorchScript file, or the name of a model of models/; with a checkpoint: the network that was compressed.");
ABSL_FLAG(std::string, config, "", "A compression config (JSON).");
ABSL_FLAG(std::string, preset, "mixed",
          "Without --config: mixed (asymmetric activations) or performance (symmetric ones).");
ABSL_FLAG(std::string, backend, "",
          "The kernels: auto (the fastest), cpu, vulkan, vulkan:DEVICE (its number or a part of its name); unset: the "
          "config's, or auto. See pare backends.");
ABSL_FLAG(std::string, device, "cpu", "The device that the network runs on: cpu, cuda (the first GPU), cuda:N.");
ABSL_FLAG(bool, evaluate, false, "Measure the accuracy on the test images before and after.");

ABSL_FLAG(int64_t, epochs, 1, "Passes over the training images.");
ABSL_FLAG(absl::optional<double>, learning_rate, absl::nullopt,
          "The highest learning rate; unset: 0.001, which suits fine-tuning.");
ABSL_FLAG(std::string, schedule, "cosine", "Of the learning rate: constant, cosine, polynomial or step.");
ABSL_FLAG(std::vector<std::string>, milestones, {},
          "Of --schedule=step: the epochs after which the rate falls, rising.");
ABSL_FLAG(double, gamma, 0.1, "Of --schedule=step: what the rate is multiplied with at each milestone.");
ABSL_FLAG(double, power, 1.0, "Of --schedule=polynomial: the exponent.");
ABSL_FLAG(double, warmup_epochs, 0.0, "Epochs in which the learning rate rises.");
ABSL_FLAG(std::string, optimizer, "sgd", "sgd, adam or adamw.");
ABSL_FLAG(absl::optional<double>, weight_decay, absl::nullopt, "Weight decay; unset: 0.0001.");
ABSL_FLAG(bool, freeze_batch_norm, true, "Keep the running statistics of batch norm as they are in fine-tuning.");
ABSL_FLAG(bool, augment, true, "Random crops and mirrored images.");
ABSL_FLAG(int64_t, pretrain_epochs, 0,
          "Train uncompressed for so many epochs first (a model of models/ starts random).");
ABSL_FLAG(int64_t, train_samples, 0, "Train on the first so many images only; 0: on all.");
ABSL_FLAG(bool, allow_unfinished_schedule, false, "train fewer epochs than the config's schedule needs");
ABSL_FLAG(bool, resume, false,
          "Go on from the last whole checkpoint in --output_dir; without it, those that are there are removed.");
ABSL_FLAG(int64_t, checkpoint_every, 0, "Write a checkpoint every so many steps as well; 0: after epochs alone.");
ABSL_FLAG(int64_t, keep_checkpoints, 2, "How many checkpoints to keep, the last one included.");

ABSL_FLAG(int64_t, nproc, 1, "How many processes are started on this machine.");
ABSL_FLAG(int64_t, nnodes, 1, "How many machines there are, with as many processes each.");
ABSL_FLAG(int64_t, node_rank, 0, "The number of this machine, from 0.");
ABSL_FLAG(std::string, master_addr, "127.0.0.1", "The address of machine 0.");
ABSL_FLAG(int64_t, master_port, 0, "A port of machine 0 where the processes meet; 0: one that is free.");
ABSL_FLAG(int64_t, process_timeout_seconds, 300,
          "How long one of several processes waits for another before it gives up.");
ABSL_FLAG(bool, caching_allocator, true,
          "Keep the memory of freed tensors for the next ones; false: LibTorch's own allocator.");
ABSL_FLAG(int64_t, cpu_memory_limit_mb, 0, "Fail rather than hold more MiB of tensors than this; 0: no limit.");

ABSL_FLAG(std::string, output, "", "The file to write: OUT.onnx or OUT.pt (TorchScript).");
ABSL_FLAG(std::string, output_dir, "", "The folder for checkpoints, metrics and the exported model.");
ABSL_FLAG(bool, json, false, "Print the result as one JSON object.");
ABSL_FLAG(bool, quiet, false, "No progress and no information on standard error.");
