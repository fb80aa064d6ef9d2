#include "acme/backend/scalar_backend.h"

#include <atomic>
#include <cmath>

#include "absl/status/status.h"
#include "backends/registry.h"

namespace acme {
namespace {

using pare::backends::DeviceKind;
using pare::backends::Execution;
using pare::backends::KernelTable;
using pare::backends::Layout;
using pare::backends::QuantizationGrid;

std::atomic<int64_t> calls = 0;

absl::Status fake_quantize_forward(const Execution& execution, const Layout& layout, const float* x,
                                   const QuantizationGrid& grid, float* y) {
  ++calls;
  execution.parallel_for(0, layout.size(), 32768, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t c = i / layout.inner % layout.channels;
      float level = std::nearbyint(x[i] * grid.inverse_step[c]);
      if (level < grid.lowest[c]) level = grid.lowest[c];
      if (level > grid.highest[c]) level = grid.highest[c];
      y[i] = level * grid.step[c] + 0.0f;
    }
  });
  return absl::OkStatus();
}

[[maybe_unused]] const absl::Status registered = pare::backends::register_backend({
    .name = "acme",
    .priority = 10,
    .float32 = [](DeviceKind device) { return device == DeviceKind::kCpu ? &scalar_kernels() : nullptr; },
});

}  // namespace

const KernelTable<float>& scalar_kernels() {
  static constexpr KernelTable<float> table = {.fake_quantize_forward = fake_quantize_forward};
  return table;
}

int64_t kernel_calls() { return calls; }

}  // namespace acme
