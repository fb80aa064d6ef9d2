#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::GroupedLayout;
using backends::Layout;
using backends::WeightFormat;
using Run = absl::StatusOr<std::function<absl::Status()>>;

void add_code_rows(const Subject& subject, int64_t elements, std::vector<Row>& rows) {
  const auto* const table = subject.table<float>();
  const backends::Execution execution = subject.execution;
  const int64_t channels = std::max<int64_t>(1, std::min<int64_t>(512, elements / 2304));
  const Layout layout{1, channels, elements / channels};
  struct Tensors {
    explicit Tensors(const Subject& subject) : workspace(subject) {}
    absl::Status make(const Layout& layout) {
      PARE_ASSIGN_OR_RETURN(x, workspace.random<float>(layout.size()));
      PARE_ASSIGN_OR_RETURN(codes, workspace.zeros<uint8_t>(layout.size()));
      const auto numbers = [&](float number) { return workspace.copy_of(std::vector<float>(layout.channels, number)); };
      PARE_ASSIGN_OR_RETURN(grid.step, numbers(0.02f));
      PARE_ASSIGN_OR_RETURN(grid.inverse_step, numbers(50.0f));
      PARE_ASSIGN_OR_RETURN(grid.lowest, numbers(-127));
      PARE_ASSIGN_OR_RETURN(grid.highest, numbers(127));
      PARE_ASSIGN_OR_RETURN(error, numbers(0));
      PARE_ASSIGN_OR_RETURN(zero_point, workspace.zeros<int32_t>(layout.channels));
      return absl::OkStatus();
    }
    Workspace workspace;
    float *x = nullptr, *error = nullptr;
    backends::QuantizationGrid grid{};
    int32_t* zero_point = nullptr;
    uint8_t* codes = nullptr;
  };
  const auto add = [&](const char* name, const char* variant, const auto& call) {
    rows.push_back({.name = name,
                    .variant = variant,
                    .elements = elements,
                    .bytes = 5 * layout.size(),
                    .yardstick = Yardstick::kCopy});
    rows.back().prepare = [=]() -> Run {
      const auto tensors = std::make_shared<Tensors>(subject);
      PARE_RETURN_IF_ERROR(tensors->make(layout));
      return [=] { return call(*tensors); };
    };
  };
  if (table->quantize_to_codes != nullptr) {
    add("quantize_to_codes", "int8, per channel", [=](const Tensors& t) {
      return table->quantize_to_codes(execution, layout, t.x, t.grid, t.zero_point, t.codes, nullptr);
    });
    add("quantize_to_codes", "int8, per channel, with its error", [=](const Tensors& t) {
      return table->quantize_to_codes(execution, layout, t.x, t.grid, t.zero_point, t.codes, t.error);
    });
  }
  if (table->dequantize_codes != nullptr) {
    add("dequantize_codes", "int8, per channel", [=](const Tensors& t) {
      return table->dequantize_codes(execution, layout, t.codes, true, t.grid.step, t.zero_point, t.x);
    });
  }
}

void add_group_rows(const Subject& subject, int64_t elements, WeightFormat format, const char* format_name,
                    int64_t group_size, std::vector<Row>& rows) {
  const auto* const table = subject.table<float>();
  const backends::Execution execution = subject.execution;
  const GroupedLayout layout{elements / 4096, 4096, group_size};
  if (layout.size() == 0) return;
  struct Tensors {
    explicit Tensors(const Subject& subject) : workspace(subject) {}
    Workspace workspace;
    float *x = nullptr, *scales = nullptr;
    uint8_t *codes = nullptr, *zero_points = nullptr;
  };
  const auto make = [=]() -> absl::StatusOr<std::shared_ptr<Tensors>> {
    const auto t = std::make_shared<Tensors>(subject);
    const int64_t groups = layout.rows * layout.groups();
    PARE_ASSIGN_OR_RETURN(t->x, t->workspace.random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(t->scales, t->workspace.copy_of(std::vector<float>(groups, 0.1f)));
    PARE_ASSIGN_OR_RETURN(t->codes, t->workspace.zeros<uint8_t>(layout.rows * row_bytes(format, layout)));
    if (format == WeightFormat::kInt4Asymmetric) {
      PARE_ASSIGN_OR_RETURN(t->zero_points, t->workspace.zeros<uint8_t>(groups));
    }
    return t;
  };
  const std::string variant = absl::StrCat(format_name, ", groups of ", group_size);
  // Their bar is a read of the numbers that are stored: codes are few bytes beside them.
  if (table->quantize_groups != nullptr) {
    rows.push_back({.name = "quantize_groups",
                    .variant = variant,
                    .elements = elements,
                    .bytes = 4 * layout.size(),
                    .yardstick = Yardstick::kRead});
    rows.back().prepare = [=]() -> Run {
      PARE_ASSIGN_OR_RETURN(const std::shared_ptr<Tensors> t, make());
      return [=] {
        return table->quantize_groups(execution, layout, format, t->x, t->codes, t->scales, t->zero_points, nullptr);
      };
    };
  }
  if (table->dequantize_groups != nullptr) {
    rows.push_back({.name = "dequantize_groups",
                    .variant = variant,
                    .elements = elements,
                    .bytes = 4 * layout.size() + layout.rows * row_bytes(format, layout),
                    .yardstick = Yardstick::kCopy});
    rows.back().prepare = [=]() -> Run {
      PARE_ASSIGN_OR_RETURN(const std::shared_ptr<Tensors> t, make());
      return [=] {
        return table->dequantize_groups(execution, layout, format, t->codes, t->scales, t->zero_points, t->x);
      };
    };
  }
}

}  // namespace

std::vector<Row> storage_rows(const Subject& subject, int64_t elements) {
  std::vector<Row> rows;
  if (subject.table<float>() == nullptr) return rows;
  add_code_rows(subject, elements, rows);
  for (const int64_t group_size : {32, 64, 128}) {
    add_group_rows(subject, elements, WeightFormat::kInt4Symmetric, "int4 symmetric", group_size, rows);
  }
  add_group_rows(subject, elements, WeightFormat::kInt4Asymmetric, "int4 asymmetric", 128, rows);
  add_group_rows(subject, elements, WeightFormat::kNf4, "NF4", 64, rows);
  add_group_rows(subject, elements, WeightFormat::kFp8E4M3, "FP8 E4M3", 4096, rows);
  add_group_rows(subject, elements, WeightFormat::kMxfp4, "MXFP4", 32, rows);
  return rows;
}

}  // namespace pare::tools::bench
