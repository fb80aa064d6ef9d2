// Trains on points and writes the network as TorchScript: bazel run //acme/training:train -- --output=/tmp/points.pt

#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "acme/training/train_points.h"

ABSL_FLAG(std::string, config, "acme/training/gradual_rounding.json", "a compression config");
ABSL_FLAG(int64_t, epochs, 8, "how long to train");
ABSL_FLAG(std::string, output, "", "the TorchScript file to write, an absolute path that ends in .pt");

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const auto config = pare::CompressionConfig::load(absl::GetFlag(FLAGS_config));
  if (!config.ok()) {
    std::cerr << config.status() << "\n";
    return 1;
  }
  const auto trained =
      acme::train_points(*config, {.epochs = absl::GetFlag(FLAGS_epochs), .output = absl::GetFlag(FLAGS_output)});
  if (!trained.ok()) {
    std::cerr << trained.status() << "\n";
    return 1;
  }
  std::cout << "trained: " << trained->result.last->to_string() << "\n";
  return 0;
}
