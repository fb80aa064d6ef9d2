// Interpolation.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

// The factor for axis `i` of the resized ones, 0 if none is given.
double given_scale(OpExport& op, size_t i, size_t n) {
  if (op.has("scale_factors")) return op.numbers("scale_factors").at(i);
  static constexpr const char* kNames[3][3] = {
      {"scales", "", ""}, {"scales_h", "scales_w", ""}, {"scales_d", "scales_h", "scales_w"}};
  return op.number(kNames[n - 1][i], 0);
}

// Runtimes floor size times factor, in float32, where LibTorch floors in float64: the nearest factor that gives them
// the same size.
float nudged(double scale, Dim in, Dim out) {
  float factor = static_cast<float>(scale);
  if (!in.is_fixed() || !out.is_fixed()) return factor;
  const auto size = [&] { return static_cast<int64_t>(std::floor(factor * static_cast<float>(in.first))); };
  constexpr int kEnough = 64;
  for (int i = 0; i < kEnough && size() < out.first; ++i) factor = std::nextafter(factor, INFINITY);
  for (int i = 0; i < kEnough && size() > out.first; ++i) factor = std::nextafter(factor, 0.0f);
  return factor;
}

// Sizes are exact. Factors are named only where the result is not size times factor, since they then decide where
// LibTorch looks each number up.
void resize(OpExport& op, size_t n, Attributes attributes, const std::string& argument) {
  const std::vector<Dim>&in = op.info(argument).dims, &out = op.output().dims;
  bool needs_scales = false;
  at::Tensor scales = at::empty({static_cast<int64_t>(in.size())}, c10::ScalarType::Float).fill_(1);
  for (size_t i = 0; i < n; ++i) {
    const size_t axis = in.size() - n + i;
    const double scale = given_scale(op, i, n);
    if (scale <= 0) continue;
    needs_scales = needs_scales || scale * static_cast<double>(in[axis].first) != static_cast<double>(out[axis].first);
    scales[static_cast<int64_t>(axis)] = nudged(scale, in[axis], out[axis]);
  }
  const std::string x = op.tensor(argument);
  if (in == out && !needs_scales) return op.set_output(x);
  if (needs_scales) return op.set_output(op.emit("Resize", {x, "", op.constant(scales)}, attributes));
  op.set_output(op.emit("Resize", {x, "", "", op.sizes(out)}, attributes));
}

std::string input_name(OpExport& op) { return op.has("input") ? "input" : "self"; }

// floor(i / factor), or, as Pillow has it, floor((i + 0.5) / factor).
OpExporter nearest(size_t n, bool exact) {
  return [n, exact](OpExport& op) {
    resize(op, n,
           {{"mode", std::string("nearest")},
            {"coordinate_transformation_mode", std::string(exact ? "half_pixel" : "asymmetric")},
            {"nearest_mode", std::string(exact ? "round_prefer_ceil" : "floor")}},
           input_name(op));
  };
}

OpExporter interpolated(size_t n, const std::string& mode) {
  return [n, mode](OpExport& op) {
    // Not "pytorch_half_pixel": LibTorch has no special case for a single number.
    const std::string coordinates = op.boolean("align_corners") ? "align_corners" : "half_pixel";
    Attributes attributes = {{"mode", mode}, {"coordinate_transformation_mode", coordinates}};
    if (mode == "cubic") attributes.emplace_back("cubic_coeff_a", -0.75);
    resize(op, n, attributes, input_name(op));
  };
}

}  // namespace

void add_resize_ops(OpTable* table) {
  for (size_t n = 1; n <= 3; ++n) {
    (*table)[absl::StrCat("aten::upsample_nearest", n, "d")] = nearest(n, false);
    (*table)[absl::StrCat("aten::_upsample_nearest_exact", n, "d")] = nearest(n, true);
  }
  (*table)["aten::upsample_linear1d"] = interpolated(1, "linear");
  (*table)["aten::upsample_bilinear2d"] = interpolated(2, "linear");
  (*table)["aten::upsample_trilinear3d"] = interpolated(3, "linear");
  (*table)["aten::upsample_bicubic2d"] = interpolated(2, "cubic");
}

}  // namespace pare::exporters
