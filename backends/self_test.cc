#include "backends/self_test.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "backends/device_arrays.h"
#include "backends/host_memory.h"
#include "backends/reference/backend.h"
#include "base/status_macros.h"

namespace pare::backends {
namespace {

// Not a multiple of any vector or workgroup.
constexpr int64_t kElements = 100'003;

// host: for backends that work on it.
absl::StatusOr<DeviceMemory*> memory_of(const KernelBackend& backend, HostMemory& host) {
  if (backend.memory == nullptr) return &host;
  return backend.memory();
}

// Numbers in [-4, 4) with ties between levels of a step of 1/8.
std::vector<float> test_numbers(uint64_t draw) {
  std::vector<float> numbers(kElements);
  for (int64_t i = 0; i < kElements; ++i) {
    numbers[i] = static_cast<float>(philox_word({7, draw}, i) >> 20) * (8.0f / 4096) - 4.0f;
  }
  return numbers;
}

// One kernel call on tensors of a device: x, a second tensor, four parameters, and three outputs.
struct Tensors {
  const float *x, *other, *parameters;
  float* y;
  float* sums;
  uint8_t* bytes;
  int64_t* counts;
};
constexpr int64_t kCounts = 66;

struct Results {
  std::vector<float> y, sums;
  std::vector<uint8_t> bytes;
  std::vector<int64_t> counts;
};

using Call = std::function<absl::Status(const KernelTable<float>&, const Execution&, const Tensors&)>;

absl::StatusOr<Results> results_of(const KernelTable<float>& table, const Execution& execution, DeviceMemory& memory,
                                   const Call& call) {
  DeviceArrays arrays(memory);
  Tensors tensors{};
  PARE_ASSIGN_OR_RETURN(tensors.x, arrays.copy_of(test_numbers(0)));
  PARE_ASSIGN_OR_RETURN(tensors.other, arrays.copy_of(test_numbers(1)));
  // Step, its reciprocal, lowest and highest level; then ends, width and inverse width of 64 bins.
  PARE_ASSIGN_OR_RETURN(tensors.parameters,
                        arrays.copy_of<float>({0.25f, 4.0f, -8.0f, 7.0f, -3.0f, 3.0f, 6 / 64.0f, 64 / 6.0f}));
  PARE_ASSIGN_OR_RETURN(tensors.y, arrays.copy_of(std::vector<float>(kElements)));
  PARE_ASSIGN_OR_RETURN(tensors.sums, arrays.copy_of(std::vector<float>(3)));
  PARE_ASSIGN_OR_RETURN(tensors.bytes, arrays.copy_of(std::vector<uint8_t>(kElements)));
  PARE_ASSIGN_OR_RETURN(tensors.counts, arrays.copy_of(std::vector<int64_t>(kCounts)));
  PARE_RETURN_IF_ERROR(call(table, execution, tensors));
  PARE_RETURN_IF_ERROR(memory.synchronize());
  Results results;
  PARE_ASSIGN_OR_RETURN(results.y, arrays.read<float>(tensors.y, kElements));
  PARE_ASSIGN_OR_RETURN(results.sums, arrays.read<float>(tensors.sums, 3));
  PARE_ASSIGN_OR_RETURN(results.bytes, arrays.read<uint8_t>(tensors.bytes, kElements));
  PARE_ASSIGN_OR_RETURN(results.counts, arrays.read<int64_t>(tensors.counts, kCounts));
  return results;
}

absl::Status compare(const char* kernel, const Results& actual, const Results& expected) {
  const auto differs = [&](const char* what, size_t i, double a, double b) {
    return absl::InternalError(
        absl::StrCat("kernel ", kernel, ": ", what, "[", i, "] is ", a, " instead of ", b, ": do not use it here"));
  };
  for (size_t i = 0; i < expected.y.size(); ++i) {
    if (std::bit_cast<uint32_t>(actual.y[i]) != std::bit_cast<uint32_t>(expected.y[i])) {
      return differs("y", i, actual.y[i], expected.y[i]);
    }
    if (actual.bytes[i] != expected.bytes[i]) return differs("byte", i, actual.bytes[i], expected.bytes[i]);
  }
  for (size_t i = 0; i < expected.sums.size(); ++i) {
    // The terms are below 8 in magnitude.
    if (!(std::fabs(actual.sums[i] - expected.sums[i]) <= 8 * kElements * kSumTolerance)) {
      return differs("sum", i, actual.sums[i], expected.sums[i]);
    }
  }
  for (size_t i = 0; i < expected.counts.size(); ++i) {
    if (actual.counts[i] != expected.counts[i]) {
      return differs("count", i, static_cast<double>(actual.counts[i]), static_cast<double>(expected.counts[i]));
    }
  }
  return absl::OkStatus();
}

// The device's own copy, of a length that no vector divides.
absl::Status check_copy(DeviceMemory& memory) {
  DeviceArrays arrays(memory);
  const std::vector<float> numbers = test_numbers(2);
  PARE_ASSIGN_OR_RETURN(const float* const from, arrays.copy_of(numbers));
  PARE_ASSIGN_OR_RETURN(float* const to, arrays.copy_of(std::vector<float>(kElements)));
  PARE_RETURN_IF_ERROR(memory.copy(to, from, kElements * static_cast<int64_t>(sizeof(float))));
  PARE_ASSIGN_OR_RETURN(const std::vector<float> copied, arrays.read<float>(to, kElements));
  if (copied == numbers) return absl::OkStatus();
  return absl::InternalError("a copy from device memory to device memory is not what was copied: do not use it here");
}

}  // namespace

absl::Status self_test(const KernelBackend& backend, const Execution& execution) {
  const KernelTable<float>* const table = backend.table<float>(backend.device_kind);
  if (table == nullptr) return absl::UnavailableError(absl::StrCat(backend.name, " does not run on this machine"));
  HostMemory host;
  PARE_ASSIGN_OR_RETURN(DeviceMemory* const memory, memory_of(backend, host));
  const Layout layout = Layout::per_tensor(kElements);
  const auto grid_of = [](const Tensors& t) {
    return QuantizationGrid{t.parameters, t.parameters + 1, t.parameters + 2, t.parameters + 3};
  };
  const auto check = [&](const char* kernel, bool present, const Call& call) -> absl::Status {
    if (!present) return absl::OkStatus();
    PARE_ASSIGN_OR_RETURN(const Results expected, results_of(reference_kernels<float>(), {}, host, call));
    PARE_ASSIGN_OR_RETURN(const Results actual, results_of(*table, execution, *memory, call));
    return compare(kernel, actual, expected);
  };
  PARE_RETURN_IF_ERROR(check_copy(*memory));
  PARE_RETURN_IF_ERROR(check("fake_quantize_forward", table->fake_quantize_forward != nullptr,
                             [&](const auto& kernels, const Execution& on, const Tensors& t) {
                               return kernels.fake_quantize_forward(on, layout, t.x, grid_of(t), t.y);
                             }));
  PARE_RETURN_IF_ERROR(check("fake_quantize_backward", table->fake_quantize_backward != nullptr,
                             [&](const auto& kernels, const Execution& on, const Tensors& t) {
                               const FakeQuantizeSums sums{t.sums, t.sums + 1, t.sums + 2};
                               return kernels.fake_quantize_backward(on, layout, t.other, t.x, grid_of(t), t.y, &sums);
                             }));
  PARE_RETURN_IF_ERROR(
      check("min_max", table->min_max != nullptr, [&](const auto& kernels, const Execution& on, const Tensors& t) {
        return kernels.min_max(on, layout, t.x, t.sums, t.sums + 1);
      }));
  PARE_RETURN_IF_ERROR(
      check("histogram", table->histogram != nullptr, [&](const auto& kernels, const Execution& on, const Tensors& t) {
        const float* const p = t.parameters;
        return kernels.histogram(on, layout, t.x, {p + 4, p + 5, p + 6, p + 7, 64}, t.counts);
      }));
  return check("rb_mask_forward", table->rb_mask_forward != nullptr,
               [&](const auto& kernels, const Execution& on, const Tensors& t) {
                 const RandomStream random{1, 2};
                 return kernels.rb_mask_forward(on, kElements, t.x, t.other, &random, t.bytes, t.y);
               });
}

absl::StatusOr<Bandwidth> measure_bandwidth(const KernelBackend& backend, const Execution& execution) {
  constexpr int64_t kBytes = int64_t{64} << 20;
  constexpr int kRepetitions = 5;
  HostMemory host(execution);
  PARE_ASSIGN_OR_RETURN(DeviceMemory* const memory, memory_of(backend, host));
  DeviceArrays arrays(*memory);
  std::vector<char> bytes(kBytes, 1);
  PARE_ASSIGN_OR_RETURN(char* const x, arrays.copy_of(bytes));
  PARE_ASSIGN_OR_RETURN(char* const y, arrays.copy_of(bytes));
  const auto best_of = [&](const std::function<absl::Status()>& copy) -> absl::StatusOr<double> {
    absl::Duration least = absl::InfiniteDuration();
    for (int repetition = 0; repetition < kRepetitions; ++repetition) {
      const absl::Time start = absl::Now();
      PARE_RETURN_IF_ERROR(copy());
      PARE_RETURN_IF_ERROR(memory->synchronize());
      least = std::min(least, absl::Now() - start);
    }
    return kBytes / absl::ToDoubleSeconds(least);
  };
  Bandwidth bandwidth{};
  PARE_ASSIGN_OR_RETURN(bandwidth.copy, best_of([&] { return memory->copy(y, x, kBytes); }));
  if (backend.memory != nullptr) {
    PARE_ASSIGN_OR_RETURN(bandwidth.to_device,
                          best_of([&] { return memory->copy_from_host(x, bytes.data(), kBytes); }));
    PARE_ASSIGN_OR_RETURN(bandwidth.to_host, best_of([&] { return memory->copy_to_host(bytes.data(), x, kBytes); }));
  }
  bandwidth.copy *= 2;
  return bandwidth;
}

}  // namespace pare::backends
