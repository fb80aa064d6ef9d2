#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;

struct Tensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(const Layout& layout) {
    PARE_ASSIGN_OR_RETURN(x, random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(y, zeros<float>(layout.size()));
    // As random as branches would have it.
    std::vector<uint8_t> bits(65537);
    for (size_t i = 0; i < bits.size(); ++i) bits[i] = i * 2654435761u >> 7 & 1;
    PARE_ASSIGN_OR_RETURN(mask, repeated(bits, layout.size()));
    PARE_ASSIGN_OR_RETURN(counts, zeros<int64_t>(1));
    return absl::OkStatus();
  }

  float *x = nullptr, *y = nullptr;
  uint8_t* mask = nullptr;
  int64_t* counts = nullptr;
};

struct RandomMaskTensors : Tensors {
  using Tensors::Tensors;
  absl::Status make(const Layout& layout) {
    PARE_RETURN_IF_ERROR(Tensors::make(layout));
    PARE_ASSIGN_OR_RETURN(logits, random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(d_logits, zeros<float>(layout.size()));
    return absl::OkStatus();
  }

  float *logits = nullptr, *d_logits = nullptr;
};

}  // namespace

std::vector<Row> sparsity_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  const auto* const table = subject.table<float>();
  if (table == nullptr) return rows;
  const int64_t elements = size / 4;
  const Layout layout = Layout::per_tensor(elements);
  const auto row = [&](const char* name, const char* variant, int64_t bytes, Yardstick yardstick) {
    return Row{.name = name, .variant = variant, .size = size, .bytes = bytes, .yardstick = yardstick};
  };
  add_row<Tensors>(
      subject, rows, table->magnitude_mask, row("magnitude_mask", "", 9 * elements, Yardstick::kCopy), layout,
      [=](const Tensors& t) { return table->magnitude_mask(t.execution, layout, t.x, nullptr, 0.5f, t.mask, t.y); });
  add_row<Tensors>(subject, rows, table->apply_mask, row("apply_mask", "", 9 * elements, Yardstick::kCopy), layout,
                   [=](const Tensors& t) { return table->apply_mask(t.execution, elements, t.x, t.mask, t.y); });
  add_row<Tensors>(subject, rows, table->count_zeros, row("count_zeros", "", 4 * elements, Yardstick::kRead), layout,
                   [=](const Tensors& t) { return table->count_zeros(t.execution, layout, t.x, t.counts); });
  add_row<Tensors>(subject, rows, table->count_above, row("count_above", "", 4 * elements, Yardstick::kRead), layout,
                   [=](const Tensors& t) { return table->count_above(t.execution, layout, t.x, 0.0f, t.counts); });
  add_row<RandomMaskTensors>(
      subject, rows, table->rb_mask_forward, row("rb_mask_forward", "", 13 * elements, Yardstick::kCopy), layout,
      [=](const RandomMaskTensors& t) {
        const backends::RandomStream random{1, 2};
        return table->rb_mask_forward(t.execution, elements, t.x, t.logits, &random, t.mask, t.y);
      });
  // dy and w are random numbers, as x and the logits are.
  add_row<RandomMaskTensors>(
      subject, rows, table->rb_mask_backward, row("rb_mask_backward", "", 17 * elements, Yardstick::kCopy), layout,
      [=](const RandomMaskTensors& t) {
        return table->rb_mask_backward(t.execution, elements, t.logits, t.x, t.mask, t.y, t.d_logits);
      });
  const auto add_two_of_four = [&](const char* variant, const Layout& weight) {
    add_row<Tensors>(subject, rows, table->n_of_m_mask,
                     row("n_of_m_mask", variant, 5 * weight.size(), Yardstick::kCopy), weight,
                     [=](const Tensors& t) { return table->n_of_m_mask(t.execution, weight, t.x, 2, 4, t.mask); });
  };
  add_two_of_four("2:4 of a linear layer", {elements / 1024, 1024, 1});
  add_two_of_four("2:4 of a 3x3 convolution", {elements / (64 * 9), 64, 9});
  return rows;
}

}  // namespace pare::tools::bench
