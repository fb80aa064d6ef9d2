// Pooling. LibTorch's ceil_mode is written as padding at the end: its windows are those whose start is inside the
// padded input, which runtimes have not always agreed on.

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "export/onnx/ops.h"

namespace pare::exporters {
namespace {

// The pooled axes are the last `n`.
struct Pool {
  size_t n = 0;
  std::vector<int64_t> kernel, stride, padding, dilation;
  // What the last window needs beyond the padding.
  std::vector<int64_t> extra;
  bool has_extra = false;
};

std::string batched(OpExport& op, size_t n, std::string x) {
  return op.info("self").rank() == static_cast<int64_t>(n) + 2 ? x : op.unsqueeze(x, {0});
}

std::string unbatched(OpExport& op, size_t n, std::string y) {
  return op.info("self").rank() == static_cast<int64_t>(n) + 2 ? y : op.squeeze(y, {0});
}

Pool read_pool(OpExport& op, size_t n) {
  Pool pool;
  pool.n = n;
  pool.kernel = op.integers("kernel_size", n);
  pool.stride = op.integers("stride", n, pool.kernel);
  pool.padding = op.integers("padding", n, {0});
  pool.dilation = op.integers("dilation", n, {1});
  const auto &in = op.info("self").dims, &out = op.output().dims;
  for (size_t i = 0; i < n; ++i) {
    const int64_t size = in.at(in.size() - n + i).first, results = out.at(out.size() - n + i).first;
    const int64_t reach = (results - 1) * pool.stride[i] + pool.dilation[i] * (pool.kernel[i] - 1) + 1;
    pool.extra.push_back(std::max<int64_t>(0, reach - (size + 2 * pool.padding[i])));
    pool.has_extra = pool.has_extra || pool.extra.back() > 0;
  }
  return pool;
}

Attributes attributes_of(const Pool& pool, const std::vector<int64_t>& padding) {
  Attributes attributes = {{"kernel_shape", pool.kernel}, {"strides", pool.stride}};
  std::vector<int64_t> pads(padding);
  bool is_zero = true;
  for (size_t i = 0; i < pool.n; ++i) pads.push_back(padding[i] + pool.extra[i]);
  for (int64_t pad : pads) is_zero = is_zero && pad == 0;
  if (!is_zero) attributes.emplace_back("pads", pads);
  if (pool.dilation != std::vector<int64_t>(pool.n, 1)) attributes.emplace_back("dilations", pool.dilation);
  return attributes;
}

// For Pad: the befores of all axes, then the afters.
std::vector<int64_t> all_pads(const Pool& pool) {
  std::vector<int64_t> pads(2 * (pool.n + 2), 0);
  for (size_t i = 0; i < pool.n; ++i) {
    pads[i + 2] = pool.padding[i];
    pads[pool.n + 2 + i + 2] = pool.padding[i] + pool.extra[i];
  }
  return pads;
}

OpExporter max_pool(size_t n) {
  return [n](OpExport& op) {
    if (op.node().outputs().size() > 1 && op.is_used(1)) op.fail("its indices are used, which ONNX counts otherwise");
    Pool pool = read_pool(op, n);
    std::string x = batched(op, n, op.tensor("self"));
    // ONNX wants less padding than the window is wide, which the last window of a dilated one may need.
    bool is_too_wide = false;
    for (size_t i = 0; i < n; ++i) is_too_wide = is_too_wide || pool.padding[i] + pool.extra[i] >= pool.kernel[i];
    if (is_too_wide) {
      const c10::ScalarType dtype = op.output().dtype;
      if (!c10::isFloatingType(dtype)) op.fail("its padding is wider than its window");
      x = op.emit("Pad", {x, op.ints(all_pads(pool)), op.scalar(-std::numeric_limits<double>::infinity(), dtype)});
      pool.padding.assign(n, 0);
      pool.extra.assign(n, 0);
    }
    op.set_output(unbatched(op, n, op.emit("MaxPool", {x}, attributes_of(pool, pool.padding))));
  };
}

OpExporter average_pool(size_t n) {
  return [n](OpExport& op) {
    const Pool pool = read_pool(op, n);
    const c10::ScalarType dtype = op.output().dtype;
    const bool is_padded = pool.padding != std::vector<int64_t>(n, 0);
    const bool has_divisor = op.has("divisor_override");
    std::string x = batched(op, n, op.tensor("self"));
    std::vector<int64_t> padding = pool.padding;
    // Zeros that count are put there first, where they stand beside some that do not.
    const bool counts_padding = is_padded && (has_divisor || op.boolean("count_include_pad", true));
    const bool pads_first = (counts_padding && pool.has_extra) || (has_divisor && pool.has_extra);
    Pool used = pool;
    if (pads_first) {
      std::vector<int64_t> pads(2 * (n + 2), 0);
      for (size_t i = 0; i < n; ++i) {
        pads[i + 2] = padding[i];
        pads[n + 2 + i + 2] = padding[i] + (has_divisor ? pool.extra[i] : 0);
        padding[i] = 0;
        if (has_divisor) used.extra[i] = 0;
      }
      x = op.emit("Pad", {x, op.ints(pads), op.scalar(0, dtype)});
    }
    Attributes attributes = attributes_of(used, padding);
    if (counts_padding && !pads_first) attributes.emplace_back("count_include_pad", int64_t{1});
    std::string y = op.emit("AveragePool", {x}, attributes);
    if (has_divisor) {
      double area = 1;
      for (int64_t size : pool.kernel) area *= static_cast<double>(size);
      y = op.emit("Mul", {y, op.scalar(area / op.number("divisor_override"), dtype)});
    }
    op.set_output(unbatched(op, n, y));
  };
}

// Where window `index` of `results` over `size` numbers begins and ends.
int64_t window_start(int64_t index, int64_t size, int64_t results) { return index * size / results; }
int64_t window_end(int64_t index, int64_t size, int64_t results) {
  return ((index + 1) * size + results - 1) / results;
}

// [size, results]: the mean of each window as a matrix product.
at::Tensor averaging_matrix(int64_t size, int64_t results, c10::ScalarType dtype) {
  at::Tensor matrix = at::zeros({size, results}, c10::ScalarType::Double);
  auto values = matrix.accessor<double, 2>();
  for (int64_t j = 0; j < results; ++j) {
    const int64_t start = window_start(j, size, results), end = window_end(j, size, results);
    for (int64_t i = start; i < end; ++i) values[i][j] = 1.0 / static_cast<double>(end - start);
  }
  return matrix.to(dtype);
}

std::string swap_last(OpExport& op, const std::string& x, int64_t axis, int64_t rank) {
  std::vector<int64_t> permutation = iota(rank);
  std::swap(permutation[axis], permutation[rank - 1]);
  return op.transpose(x, permutation);
}

// The sizes along the pooled axes; false if one depends on the batch.
struct Adaptive {
  std::vector<int64_t> in, out;
  bool is_global = true, is_same = true, is_even = true;
};

Adaptive read_adaptive(OpExport& op, size_t n) {
  Adaptive sizes;
  const auto &in = op.info("self").dims, &out = op.output().dims;
  for (size_t i = 0; i < n; ++i) {
    sizes.in.push_back(in.at(in.size() - n + i).first);
    sizes.out.push_back(out.at(out.size() - n + i).first);
    sizes.is_global = sizes.is_global && sizes.out[i] == 1;
    sizes.is_same = sizes.is_same && sizes.out[i] == sizes.in[i];
    sizes.is_even = sizes.is_even && sizes.in[i] % sizes.out[i] == 0;
  }
  return sizes;
}

OpExporter adaptive_average_pool(size_t n) {
  return [n](OpExport& op) {
    const Adaptive sizes = read_adaptive(op, n);
    std::string x = op.tensor("self");
    if (sizes.is_same) return op.set_output(x);
    const int64_t rank = op.info("self").rank();
    if (sizes.is_global) return op.set_output(unbatched(op, n, op.emit("GlobalAveragePool", {batched(op, n, x)})));
    if (sizes.is_even) {
      std::vector<int64_t> window;
      for (size_t i = 0; i < n; ++i) window.push_back(sizes.in[i] / sizes.out[i]);
      const std::string y =
          op.emit("AveragePool", {batched(op, n, x)}, {{"kernel_shape", window}, {"strides", window}});
      return op.set_output(unbatched(op, n, y));
    }
    // Windows of different sizes; one axis after the other.
    for (size_t i = 0; i < n; ++i) {
      if (sizes.in[i] == sizes.out[i]) continue;
      const int64_t axis = rank - static_cast<int64_t>(n - i);
      const std::string matrix = op.constant(averaging_matrix(sizes.in[i], sizes.out[i], op.output().dtype));
      x = swap_last(op, op.emit("MatMul", {swap_last(op, x, axis, rank), matrix}), axis, rank);
    }
    op.set_output(x);
  };
}

OpExporter adaptive_max_pool(size_t n) {
  return [n](OpExport& op) {
    if (op.node().outputs().size() > 1 && op.is_used(1)) op.fail("its indices are used, which ONNX counts otherwise");
    const Adaptive sizes = read_adaptive(op, n);
    std::string x = op.tensor("self");
    if (sizes.is_same) return op.set_output(x);
    const int64_t rank = op.info("self").rank();
    if (sizes.is_global) return op.set_output(unbatched(op, n, op.emit("GlobalMaxPool", {batched(op, n, x)})));
    if (sizes.is_even) {
      std::vector<int64_t> window;
      for (size_t i = 0; i < n; ++i) window.push_back(sizes.in[i] / sizes.out[i]);
      const std::string y = op.emit("MaxPool", {batched(op, n, x)}, {{"kernel_shape", window}, {"strides", window}});
      return op.set_output(unbatched(op, n, y));
    }
    for (size_t i = 0; i < n; ++i) {
      const int64_t axis = rank - static_cast<int64_t>(n - i);
      std::vector<std::string> maxima;
      for (int64_t j = 0; j < sizes.out[i]; ++j) {
        const std::string window =
            op.slice(x, axis, window_start(j, sizes.in[i], sizes.out[i]), window_end(j, sizes.in[i], sizes.out[i]));
        maxima.push_back(
            op.emit("ReduceMax", {window}, {{"axes", std::vector<int64_t>{axis}}, {"keepdims", int64_t{1}}}));
      }
      x = maxima.size() == 1 ? maxima[0] : op.emit("Concat", maxima, {{"axis", axis}});
    }
    op.set_output(x);
  };
}

}  // namespace

void add_pooling_ops(OpTable* table) {
  for (size_t n = 1; n <= 3; ++n) {
    (*table)[absl::StrCat("aten::max_pool", n, "d")] = max_pool(n);
    (*table)[absl::StrCat("aten::max_pool", n, "d_with_indices")] = max_pool(n);
    (*table)[absl::StrCat("aten::avg_pool", n, "d")] = average_pool(n);
    (*table)[absl::StrCat("aten::adaptive_avg_pool", n, "d")] = adaptive_average_pool(n);
    (*table)[absl::StrCat("aten::_adaptive_avg_pool", n, "d")] = adaptive_average_pool(n);
    (*table)[absl::StrCat("aten::adaptive_max_pool", n, "d")] = adaptive_max_pool(n);
  }
}

}  // namespace pare::exporters
