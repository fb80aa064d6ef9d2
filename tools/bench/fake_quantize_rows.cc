#include <algorithm>
#include <memory>
#include <type_traits>

#include "base/status_macros.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::FakeQuantizeSums;
using backends::Layout;
using backends::QuantizationGrid;

template <typename T>
const char* type_suffix() {
  return sizeof(T) == 4 ? "" : std::is_same_v<T, backends::Half> ? ", float16" : ", bfloat16";
}

// The tensors of a fake quantization to 8 bits.
template <typename T>
struct Tensors {
  explicit Tensors(const Subject& subject) : workspace(subject) {}

  absl::Status make(const Layout& shape) {
    layout = shape;
    PARE_ASSIGN_OR_RETURN(x, workspace.random<T>(layout.size()));
    PARE_ASSIGN_OR_RETURN(y, workspace.zeros<T>(layout.size()));
    const auto numbers = [&](float number) { return workspace.copy_of(std::vector<float>(layout.channels, number)); };
    PARE_ASSIGN_OR_RETURN(grid.step, numbers(0.02f));
    PARE_ASSIGN_OR_RETURN(grid.inverse_step, numbers(50.0f));
    PARE_ASSIGN_OR_RETURN(grid.lowest, numbers(-128));
    PARE_ASSIGN_OR_RETURN(grid.highest, numbers(127));
    PARE_ASSIGN_OR_RETURN(sums.inside, numbers(0));
    PARE_ASSIGN_OR_RETURN(sums.above, numbers(0));
    PARE_ASSIGN_OR_RETURN(sums.below, numbers(0));
    return absl::OkStatus();
  }

  Workspace workspace;
  Layout layout;
  T *x = nullptr, *dy = nullptr, *y = nullptr;
  QuantizationGrid grid{};
  FakeQuantizeSums sums{};
};

template <typename T>
void add_rows(const Subject& subject, int64_t elements, const Layout& layout, const std::string& variant,
              std::vector<Row>& rows) {
  const auto* const table = subject.table<T>();
  if (table == nullptr) return;
  const int64_t bytes = static_cast<int64_t>(sizeof(T)) * layout.size();
  if (table->fake_quantize_forward != nullptr) {
    rows.push_back({.name = "fake_quantize_forward",
                    .variant = variant + type_suffix<T>(),
                    .elements = elements,
                    .bytes = 2 * bytes,
                    .yardstick = Yardstick::kCopy});
    rows.back().prepare = [=]() -> absl::StatusOr<std::function<absl::Status()>> {
      const auto tensors = std::make_shared<Tensors<T>>(subject);
      PARE_RETURN_IF_ERROR(tensors->make(layout));
      return [=] {
        return table->fake_quantize_forward(subject.execution, layout, tensors->x, tensors->grid, tensors->y);
      };
    };
  }
  if (table->fake_quantize_backward != nullptr) {
    rows.push_back({.name = "fake_quantize_backward",
                    .variant = variant + type_suffix<T>(),
                    .elements = elements,
                    .bytes = 3 * bytes,
                    .yardstick = Yardstick::kCopy});
    rows.back().prepare = [=]() -> absl::StatusOr<std::function<absl::Status()>> {
      const auto tensors = std::make_shared<Tensors<T>>(subject);
      PARE_RETURN_IF_ERROR(tensors->make(layout));
      PARE_ASSIGN_OR_RETURN(tensors->dy, tensors->workspace.template random<T>(layout.size()));
      return [=] {
        return table->fake_quantize_backward(subject.execution, layout, tensors->dy, tensors->x, tensors->grid,
                                             tensors->y, &tensors->sums);
      };
    };
  }
}

}  // namespace

std::vector<Row> fake_quantize_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  add_rows<float>(subject, elements, Layout::per_tensor(elements), "per tensor", rows);
  add_rows<backends::Half>(subject, elements, Layout::per_tensor(elements), "per tensor", rows);
  add_rows<backends::BFloat16>(subject, elements, Layout::per_tensor(elements), "per tensor", rows);
  // Weights of a 3x3 convolution with as many filters as fit, and activations with channels last.
  const int64_t channels = std::max<int64_t>(1, std::min<int64_t>(512, elements / 2304));
  add_rows<float>(subject, elements, {1, channels, elements / channels}, "per channel", rows);
  add_rows<float>(subject, elements, {elements / 64, 64, 1}, "channels last", rows);
  // What starting a kernel costs on a device: a thousand small ones, each on the result of the one before.
  const auto* const table = subject.table<float>();
  if (subject.backend->memory != nullptr && elements <= 4096 && table->fake_quantize_forward != nullptr) {
    const Layout small = Layout::per_tensor(1024);
    rows.push_back({.name = "one of a thousand small kernels", .elements = elements, .calls = 1000});
    rows.back().prepare = [=]() -> absl::StatusOr<std::function<absl::Status()>> {
      const auto tensors = std::make_shared<Tensors<float>>(subject);
      PARE_RETURN_IF_ERROR(tensors->make(small));
      return
          [=] { return table->fake_quantize_forward(subject.execution, small, tensors->x, tensors->grid, tensors->x); };
    };
  }
  return rows;
}

}  // namespace pare::tools::bench
