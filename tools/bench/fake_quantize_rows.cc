#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;

// The tensors of a fake quantization to 8 bits.
template <typename T>
struct Tensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(const Layout& layout) {
    PARE_ASSIGN_OR_RETURN(x, random<T>(layout.size()));
    PARE_ASSIGN_OR_RETURN(y, zeros<T>(layout.size()));
    PARE_ASSIGN_OR_RETURN(levels, grid(layout.channels, -128, 127));
    return absl::OkStatus();
  }

  T *x = nullptr, *y = nullptr;
  backends::QuantizationGrid levels{};
};

template <typename T>
struct BackwardTensors : Tensors<T> {
  using Tensors<T>::Tensors;
  absl::Status make(const Layout& layout) {
    PARE_RETURN_IF_ERROR(Tensors<T>::make(layout));
    PARE_ASSIGN_OR_RETURN(dy, this->template random<T>(layout.size()));
    for (float** sum : {&sums.inside, &sums.above, &sums.below}) {
      PARE_ASSIGN_OR_RETURN(*sum, this->template zeros<float>(layout.channels));
    }
    return absl::OkStatus();
  }

  T* dy = nullptr;
  backends::FakeQuantizeSums sums{};
};

template <typename T>
void add_rows(const Subject& subject, int64_t size, const Layout& layout, const std::string& variant,
              std::vector<Row>& rows) {
  const auto* const table = subject.table<T>();
  if (table == nullptr) return;
  const auto bytes = static_cast<int64_t>(layout.size() * sizeof(T));
  add_row<Tensors<T>>(subject, rows, table->fake_quantize_forward,
                      {.name = "fake_quantize_forward",
                       .variant = variant + type_suffix<T>(),
                       .size = size,
                       .bytes = 2 * bytes,
                       .yardstick = Yardstick::kCopy},
                      layout, [=](const Tensors<T>& t) {
                        return table->fake_quantize_forward(t.execution, layout, t.x, t.levels, t.y);
                      });
  add_row<BackwardTensors<T>>(subject, rows, table->fake_quantize_backward,
                              {.name = "fake_quantize_backward",
                               .variant = variant + type_suffix<T>(),
                               .size = size,
                               .bytes = 3 * bytes,
                               .yardstick = Yardstick::kCopy},
                              layout, [=](const BackwardTensors<T>& t) {
                                return table->fake_quantize_backward(t.execution, layout, t.dy, t.x, t.levels, t.y,
                                                                     &t.sums);
                              });
}

template <typename T>
void add_rows_of_type(const Subject& subject, int64_t size, std::vector<Row>& rows) {
  const auto elements = static_cast<int64_t>(size / sizeof(T));
  add_rows<T>(subject, size, Layout::per_tensor(elements), "per tensor", rows);
  add_rows<T>(subject, size, weight_layout(elements), "per channel", rows);
  add_rows<T>(subject, size, channels_last_layout(elements), "channels last", rows);
}

}  // namespace

std::vector<Row> fake_quantize_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  add_rows_of_type<float>(subject, size, rows);
  add_rows_of_type<backends::Half>(subject, size, rows);
  add_rows_of_type<backends::BFloat16>(subject, size, rows);
  // What starting a kernel costs on a device: a thousand small ones, each on the result of the one before.
  const auto* const table = subject.table<float>();
  if (!subject.is_on_host() && size <= 64 << 10 && table != nullptr) {
    const Layout small = Layout::per_tensor(1024);
    add_row<Tensors<float>>(
        subject, rows, table->fake_quantize_forward,
        {.name = "one of a thousand small kernels", .size = size, .calls = 1000}, small,
        [=](const Tensors<float>& t) { return table->fake_quantize_forward(t.execution, small, t.x, t.levels, t.x); });
  }
  return rows;
}

}  // namespace pare::tools::bench
