#include "absl/strings/str_cat.h"
#include "tools/bench/rows.h"

namespace pare::tools::bench {
namespace {

using backends::GroupedLayout;
using backends::Layout;
using backends::WeightFormat;

struct CodeTensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(const Layout& layout) {
    PARE_ASSIGN_OR_RETURN(x, random<float>(layout.size()));
    PARE_ASSIGN_OR_RETURN(codes, zeros<uint8_t>(layout.size()));
    PARE_ASSIGN_OR_RETURN(levels, grid(layout.channels, -127, 127));
    PARE_ASSIGN_OR_RETURN(error, zeros<float>(layout.channels));
    PARE_ASSIGN_OR_RETURN(zero_point, zeros<int32_t>(layout.channels));
    return absl::OkStatus();
  }

  float *x = nullptr, *error = nullptr;
  backends::QuantizationGrid levels{};
  int32_t* zero_point = nullptr;
  uint8_t* codes = nullptr;
};

void add_code_rows(const Subject& subject, int64_t size, std::vector<Row>& rows) {
  const auto* const table = subject.table<float>();
  const Layout layout = weight_layout(size / 4);
  const auto add = [&](const char* name, const char* variant, auto* kernel, const auto& call) {
    add_row<CodeTensors>(
        subject, rows, kernel,
        {.name = name, .variant = variant, .size = size, .bytes = 5 * layout.size(), .yardstick = Yardstick::kCopy},
        layout, call);
  };
  add("quantize_to_codes", "int8, per channel", table->quantize_to_codes, [=](const CodeTensors& t) {
    return table->quantize_to_codes(t.execution, layout, t.x, t.levels, t.zero_point, t.codes, nullptr);
  });
  add("quantize_to_codes", "int8, per channel, with its error", table->quantize_to_codes, [=](const CodeTensors& t) {
    return table->quantize_to_codes(t.execution, layout, t.x, t.levels, t.zero_point, t.codes, t.error);
  });
  add("dequantize_codes", "int8, per channel", table->dequantize_codes, [=](const CodeTensors& t) {
    return table->dequantize_codes(t.execution, layout, t.codes, true, t.levels.step, t.zero_point, t.x);
  });
}

struct GroupShape {
  GroupedLayout layout;
  WeightFormat format;
  int64_t size() const { return layout.size(); }
  int64_t code_bytes() const { return layout.rows * row_bytes(format, layout); }
};

struct GroupTensors : Workspace {
  using Workspace::Workspace;
  absl::Status make(const GroupShape& shape) {
    const int64_t groups = shape.layout.rows * shape.layout.groups();
    PARE_ASSIGN_OR_RETURN(x, random<float>(shape.size()));
    PARE_ASSIGN_OR_RETURN(scales, filled(0.1f, groups));
    PARE_ASSIGN_OR_RETURN(codes, zeros<uint8_t>(shape.code_bytes()));
    if (shape.format == WeightFormat::kInt4Asymmetric) {
      PARE_ASSIGN_OR_RETURN(zero_points, zeros<uint8_t>(groups));
    }
    return absl::OkStatus();
  }

  float *x = nullptr, *scales = nullptr;
  uint8_t *codes = nullptr, *zero_points = nullptr;
};

void add_group_rows(const Subject& subject, int64_t size, WeightFormat format, const char* format_name,
                    int64_t group_size, std::vector<Row>& rows) {
  const auto* const table = subject.table<float>();
  const GroupShape shape{{size / 4 / 4096, 4096, group_size}, format};
  const auto add = [&](const char* name, auto* kernel, const auto& call) {
    add_row<GroupTensors>(subject, rows, kernel,
                          {.name = name,
                           .variant = absl::StrCat(format_name, ", groups of ", group_size),
                           .size = size,
                           .bytes = 4 * shape.size() + shape.code_bytes(),
                           .yardstick = Yardstick::kCopy},
                          shape, call);
  };
  add("quantize_groups", table->quantize_groups, [=](const GroupTensors& t) {
    return table->quantize_groups(t.execution, shape.layout, format, t.x, t.codes, t.scales, t.zero_points, nullptr);
  });
  add("dequantize_groups", table->dequantize_groups, [=](const GroupTensors& t) {
    return table->dequantize_groups(t.execution, shape.layout, format, t.codes, t.scales, t.zero_points, t.x);
  });
}

}  // namespace

std::vector<Row> storage_rows(const Subject& subject, int64_t size) {
  std::vector<Row> rows;
  if (subject.table<float>() == nullptr) return rows;
  add_code_rows(subject, size, rows);
  for (const int64_t group_size : {32, 64, 128}) {
    add_group_rows(subject, size, WeightFormat::kInt4Symmetric, "int4 symmetric", group_size, rows);
  }
  add_group_rows(subject, size, WeightFormat::kInt4Asymmetric, "int4 asymmetric", 128, rows);
  add_group_rows(subject, size, WeightFormat::kNf4, "NF4", 64, rows);
  add_group_rows(subject, size, WeightFormat::kFp8E4M3, "FP8 E4M3", 4096, rows);
  add_group_rows(subject, size, WeightFormat::kMxfp4, "MXFP4", 32, rows);
  return rows;
}

}  // namespace pare::tools::bench
