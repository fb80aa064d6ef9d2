// backends/conformance/cases.h: the tensors and quantizers that the checks try.
//
//   for (const Case& c : all_cases()) { SCOPED_TRACE(c.description); ... }

#ifndef PARE_BACKENDS_CONFORMANCE_CASES_H_
#define PARE_BACKENDS_CONFORMANCE_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "backends/kernel_backend.h"

namespace pare::backends::conformance {

struct Case {
  std::string description;  // Layout, kind of numbers, seed.
  Layout layout;
  std::vector<float> x, dy;
  // One number a channel.
  std::vector<float> step, inverse_step, lowest, highest;

  QuantizationGrid grid() const { return {step.data(), inverse_step.data(), lowest.data(), highest.data()}; }
};

// Every layout with every kind of numbers. PARE_TEST_SEED in the environment changes the random ones.
std::vector<Case> all_cases();

// The seed of all random numbers: PARE_TEST_SEED's, or a fixed one.
uint64_t seed_of_run();

// Two ways to run: in one piece, and, for kernels that use an Execution, in many small ones, the last first.
std::vector<Execution> all_executions(bool uses_execution);

}  // namespace pare::backends::conformance

#endif  // PARE_BACKENDS_CONFORMANCE_CASES_H_
