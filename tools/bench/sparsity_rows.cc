#include <memory>

#include "base/status_macros.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::Layout;
using Run = absl::StatusOr<std::function<absl::Status()>>;

// The tensors of all the rows: a call takes what it needs.
struct Tensors {
  explicit Tensors(const Subject& subject) : workspace(subject) {}

  absl::Status make(int64_t elements, bool with_logits) {
    PARE_ASSIGN_OR_RETURN(x, workspace.random<float>(elements));
    PARE_ASSIGN_OR_RETURN(y, workspace.zeros<float>(elements));
    std::vector<uint8_t> bytes(elements);
    for (int64_t i = 0; i < elements; ++i) bytes[i] = i * 2654435761u >> 7 & 1;
    PARE_ASSIGN_OR_RETURN(mask, workspace.copy_of(bytes));
    PARE_ASSIGN_OR_RETURN(counts, workspace.zeros<int64_t>(1));
    if (!with_logits) return absl::OkStatus();
    PARE_ASSIGN_OR_RETURN(logits, workspace.random<float>(elements));
    PARE_ASSIGN_OR_RETURN(d_logits, workspace.zeros<float>(elements));
    return absl::OkStatus();
  }

  Workspace workspace;
  float *x = nullptr, *y = nullptr, *logits = nullptr, *d_logits = nullptr;
  uint8_t* mask = nullptr;
  int64_t* counts = nullptr;
};

// A row whose call is call(tensors).
template <typename Call>
Row make_row(const Subject& subject, Row row, bool with_logits, const Call& call) {
  row.prepare = [=, elements = row.elements]() -> Run {
    const auto tensors = std::make_shared<Tensors>(subject);
    PARE_RETURN_IF_ERROR(tensors->make(elements, with_logits));
    return [=] { return call(*tensors); };
  };
  return row;
}

}  // namespace

std::vector<Row> sparsity_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  const auto* const table = subject.table<float>();
  if (table == nullptr) return rows;
  const backends::Execution execution = subject.execution;
  const Layout layout = Layout::per_tensor(elements);
  const auto row = [&](const char* name, int64_t bytes_an_element, Yardstick yardstick) {
    return Row{.name = name, .elements = elements, .bytes = bytes_an_element * elements, .yardstick = yardstick};
  };
  if (table->magnitude_mask != nullptr) {
    rows.push_back(make_row(subject, row("magnitude_mask", 9, Yardstick::kCopy), false, [=](const Tensors& t) {
      return table->magnitude_mask(execution, layout, t.x, nullptr, 0.5f, t.mask, t.y);
    }));
  }
  if (table->apply_mask != nullptr) {
    rows.push_back(make_row(subject, row("apply_mask", 9, Yardstick::kCopy), false, [=](const Tensors& t) {
      return table->apply_mask(execution, elements, t.x, t.mask, t.y);
    }));
  }
  if (table->count_zeros != nullptr) {
    rows.push_back(make_row(subject, row("count_zeros", 4, Yardstick::kRead), false,
                            [=](const Tensors& t) { return table->count_zeros(execution, layout, t.x, t.counts); }));
  }
  if (table->count_above != nullptr) {
    rows.push_back(make_row(subject, row("count_above", 4, Yardstick::kRead), false, [=](const Tensors& t) {
      return table->count_above(execution, layout, t.x, 0.0f, t.counts);
    }));
  }
  if (table->rb_mask_forward != nullptr) {
    rows.push_back(make_row(subject, row("rb_mask_forward", 13, Yardstick::kCopy), true, [=](const Tensors& t) {
      const backends::RandomStream random{1, 2};
      return table->rb_mask_forward(execution, elements, t.x, t.logits, &random, t.mask, t.y);
    }));
  }
  if (table->rb_mask_backward != nullptr) {
    rows.push_back(make_row(subject, row("rb_mask_backward", 17, Yardstick::kCopy), true, [=](const Tensors& t) {
      return table->rb_mask_backward(execution, elements, t.logits, t.x, t.mask, t.y, t.d_logits);
    }));
  }
  if (table->n_of_m_mask != nullptr) {
    Row two_of_four = row("n_of_m_mask", 5, Yardstick::kCopy);
    two_of_four.variant = "2:4 of a linear layer";
    rows.push_back(make_row(subject, two_of_four, false, [=](const Tensors& t) {
      return table->n_of_m_mask(execution, {elements / 1024, 1024, 1}, t.x, 2, 4, t.mask);
    }));
    two_of_four.variant = "2:4 of a 3x3 convolution";
    rows.push_back(make_row(subject, two_of_four, false, [=](const Tensors& t) {
      return table->n_of_m_mask(execution, {elements / (64 * 9), 64, 9}, t.x, 2, 4, t.mask);
    }));
  }
  return rows;
}

}  // namespace pare::tools::bench
