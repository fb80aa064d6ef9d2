#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "compression/quantization/precision_initializer.h"

namespace pare::quantization {
namespace {

constexpr double kBar = 26, kGap = 6, kLeft = 64, kTop = 44, kPlot = 220, kBelow = 190;

// From few bits, light, to many, dark.
const char* colour_of(int bits) {
  if (bits <= 2) return "#f2b134";
  if (bits <= 4) return "#4fa3a5";
  if (bits <= 6) return "#3f6fb0";
  return "#22314f";
}

std::string escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

std::string text_at(double x, double y, const std::string& attributes, const std::string& text) {
  return absl::StrFormat("<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, attributes, escaped(text));
}

}  // namespace

std::string precision_svg(const PrecisionOutcome& outcome) {
  const bool has_traces = std::any_of(outcome.layers.begin(), outcome.layers.end(),
                                      [](const LayerPrecision& layer) { return layer.average_trace > 0; });
  const auto height_of = [&](const LayerPrecision& layer) {
    return has_traces ? std::log10(std::max(layer.average_trace, 1e-12)) : static_cast<double>(layer.bits);
  };
  double low = 1e300, high = -1e300;
  for (const LayerPrecision& layer : outcome.layers) {
    if (has_traces && layer.average_trace <= 0) continue;  // no logarithm: a bar of no height
    low = std::min(low, height_of(layer));
    high = std::max(high, height_of(layer));
  }
  low = has_traces ? std::floor(low) : 0;
  high = has_traces ? std::max(std::ceil(high), low + 1) : 8;
  const double width = kLeft + static_cast<double>(outcome.layers.size()) * (kBar + kGap) + 24;
  std::string svg = absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
      "font-size=\"11\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n",
      std::max(width, 420.0), kTop + kPlot + kBelow);
  absl::StrAppend(
      &svg, text_at(kLeft, 18, "font-size=\"13\"",
                    absl::StrFormat("%s, bits a layer (compression ratio %.2f)",
                                    has_traces ? "Average trace of the Hessian" : "Chosen precision", outcome.ratio)));
  const int ticks = has_traces ? static_cast<int>(high - low) : 4;
  for (int i = 0; i <= ticks; ++i) {
    const double y = kTop + kPlot - kPlot * i / ticks;
    absl::StrAppend(
        &svg, absl::StrFormat("<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>\n", kLeft - 4,
                              width - 12, y, y));
    absl::StrAppend(
        &svg, text_at(kLeft - 8, y + 4, "text-anchor=\"end\"",
                      has_traces ? absl::StrFormat("1e%d", static_cast<int>(low) + i) : absl::StrCat(i * 8 / ticks)));
  }
  for (size_t i = 0; i < outcome.layers.size(); ++i) {
    const LayerPrecision& layer = outcome.layers[i];
    const double x = kLeft + static_cast<double>(i) * (kBar + kGap);
    const double share = std::clamp((height_of(layer) - low) / (high - low), 0.0, 1.0), height = kPlot * share;
    absl::StrAppend(&svg, absl::StrFormat("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.1f\" fill=\"%s\"/>\n",
                                          x, kTop + kPlot - height, kBar, height, colour_of(layer.bits)));
    absl::StrAppend(
        &svg, text_at(x + kBar / 2, kTop + kPlot - height - 4, "text-anchor=\"middle\"", absl::StrCat(layer.bits)));
    const double y = kTop + kPlot + 12;
    absl::StrAppend(&svg,
                    text_at(x + kBar / 2, y,
                            absl::StrFormat("text-anchor=\"end\" transform=\"rotate(-60 %.1f %.1f)\"", x + kBar / 2, y),
                            layer.name));
  }
  absl::StrAppend(&svg, "</svg>\n");
  return svg;
}

}  // namespace pare::quantization
