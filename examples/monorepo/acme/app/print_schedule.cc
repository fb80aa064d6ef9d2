// Prints the level of a schedule, epoch by epoch: bazel run //acme/app:print_schedule -- '{"ramp_epochs": 8}'

#include <cstdint>
#include <cstdio>
#include <iostream>

#include "config/object_reader.h"
#include "nlohmann/json.hpp"
#include "schedulers/registry.h"

int main(int argc, char** argv) {
  const nlohmann::json json =
      nlohmann::json::parse(argc > 1 ? argv[1] : "{}", /*cb=*/nullptr, /*allow_exceptions=*/false);
  pare::config::ObjectReader params(json, "$");
  auto schedule = pare::make_level_schedule("acme", "acme_cosine", params, {});
  if (!schedule.ok()) {
    std::cerr << schedule.status() << "\n";
    return 1;
  }
  if (const absl::Status status = params.finish(); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  for (int64_t epoch = 0; epoch <= (*schedule)->epochs_needed(); ++epoch) {
    std::printf("%lld %.4f\n", static_cast<long long>(epoch), (*schedule)->level_at(static_cast<double>(epoch)));
  }
  return 0;
}
