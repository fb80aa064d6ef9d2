#include "compression/analysis/operator_traits.h"

#include <initializer_list>
#include <string_view>
#include <unordered_map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pare {

namespace {

// Devices on which an operator takes quantized inputs.
constexpr int kNowhere = 0, kCpu = 1, kGpu = 2, kNpu = 4, kTrial = 8;
constexpr int kEverywhere = kCpu | kGpu | kNpu | kTrial;

struct Row {
  OperatorKind kind = OperatorKind::kOther;
  std::vector<size_t> data = {};
  int weight = -1;
  int devices = kNowhere;
};

using Table = std::unordered_map<std::string_view, Row>;

void add_rows(Table& table, std::initializer_list<std::string_view> names, const Row& row) {
  for (std::string_view name : names) table.emplace(name, row);
}

void add_quantized_operators(Table& table) {
  add_rows(table,
           {"conv1d", "conv2d", "conv3d", "_convolution", "convolution", "conv_transpose1d", "conv_transpose2d",
            "conv_transpose3d"},
           {OperatorKind::kConvolution, {0}, 1, kEverywhere});
  add_rows(table, {"linear"}, {OperatorKind::kLinear, {0}, 1, kEverywhere});
  add_rows(table, {"matmul", "mm", "bmm"}, {OperatorKind::kMatmul, {0, 1}, -1, kEverywhere});
  add_rows(table, {"addmm", "baddbmm"}, {OperatorKind::kMatmul, {1, 2}, -1, kEverywhere});
  add_rows(table, {"embedding", "embedding_bag"}, {OperatorKind::kEmbedding, {}, 0, kEverywhere});
  add_rows(table,
           {"add", "sub", "rsub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "maximum", "minimum"},
           {OperatorKind::kArithmetic, {0, 1}, -1, kEverywhere});
  add_rows(
      table,
      {"avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
       "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d",
       "upsample_trilinear3d", "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"},
      {OperatorKind::kPooling, {0}, -1, kEverywhere});
  add_rows(table, {"mean"}, {OperatorKind::kReduction, {0}, -1, kEverywhere});
  add_rows(table, {"sum"}, {OperatorKind::kReduction, {0}, -1, kGpu | kNpu | kTrial});
  add_rows(table, {"var", "std", "norm", "linalg_norm", "linalg_vector_norm"}, {OperatorKind::kReduction, {0}});
  add_rows(table, {"layer_norm", "native_layer_norm", "group_norm", "native_group_norm", "instance_norm"},
           {OperatorKind::kNormalization, {0}, -1, kEverywhere});
  add_rows(table, {"batch_norm", "native_batch_norm", "cudnn_batch_norm"}, {OperatorKind::kBatchNorm, {0}});
  add_rows(table, {"softmax", "_softmax", "log_softmax", "_log_softmax"}, {OperatorKind::kSoftmax, {0}});
}

void add_elementwise_operators(Table& table) {
  add_rows(table,
           {"hardtanh", "relu6", "hardswish", "hardsigmoid", "tanh", "elu", "prelu", "leaky_relu", "gelu", "erf"},
           {OperatorKind::kNonlinear, {0}, -1, kTrial});
  add_rows(table, {"relu",      "sigmoid",    "silu",       "mish",      "exp",   "log",      "sqrt",     "rsqrt",
                   "square",    "pow",        "reciprocal", "neg",       "abs",   "softplus", "selu",     "celu",
                   "clamp",     "clip",       "clamp_min",  "clamp_max", "sin",   "cos",      "sign",     "log_sigmoid",
                   "threshold", "softshrink", "hardshrink", "expm1",     "log1p", "atan",     "softsign", "log2"},
           {OperatorKind::kNonlinear, {0}});
}

void add_agnostic_operators(Table& table) {
  add_rows(table,
           {"view",
            "reshape",
            "flatten",
            "unflatten",
            "transpose",
            "permute",
            "t",
            "numpy_T",
            "movedim",
            "moveaxis",
            "swapaxes",
            "swapdims",
            "split",
            "split_with_sizes",
            "chunk",
            "tensor_split",
            "unbind",
            "slice",
            "select",
            "narrow",
            "squeeze",
            "unsqueeze",
            "pad",
            "constant_pad_nd",
            "reflection_pad1d",
            "reflection_pad2d",
            "reflection_pad3d",
            "replication_pad1d",
            "replication_pad2d",
            "replication_pad3d",
            "repeat",
            "repeat_interleave",
            "expand",
            "expand_as",
            "broadcast_to",
            "view_as",
            "reshape_as",
            "tile",
            "dropout",
            "feature_dropout",
            "contiguous",
            "clone",
            "detach",
            "alias",
            "roll",
            "flip",
            "index_select",
            "gather",
            "index",
            "channel_shuffle",
            "pixel_shuffle",
            "pixel_unshuffle",
            "im2col",
            "unfold",
            "_unsafe_view",
            "diagonal",
            "rot90",
            "_reshape_alias",
            "mT",
            "unsafe_split",
            "unsafe_chunk",
            "adjoint",
            "lift_fresh",
            "swapaxes_copy"},
           {OperatorKind::kMovement, {0}});
  add_rows(
      table,
      {"max_pool1d", "max_pool2d", "max_pool3d", "max_pool1d_with_indices", "max_pool2d_with_indices",
       "max_pool3d_with_indices", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "amax", "amin"},
      {OperatorKind::kSelection, {0}});
  add_rows(table, {"cat", "concat", "stack"}, {OperatorKind::kConcat, {0}});
}

void add_other_operators(Table& table) {
  add_rows(table, {"to", "_to_copy", "type_as", "float", "half", "double"}, {OperatorKind::kCast, {0}});
  add_rows(table,
           {"eq",         "ne",          "lt",          "le",           "gt",         "ge",          "logical_and",
            "logical_or", "logical_not", "logical_xor", "bitwise_and",  "bitwise_or", "bitwise_not", "bitwise_xor",
            "__and__",    "__or__",      "__xor__",     "isnan",        "isinf",      "isfinite",    "argmax",
            "argmin",     "argsort",     "one_hot",     "any",          "all",        "equal",       "nonzero",
            "bool",       "long",        "int",         "searchsorted", "bucketize"},
           {OperatorKind::kPredicate, {0}});
  add_rows(table,
           {"size", "dim", "numel", "zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like",
            "new_zeros", "new_ones", "new_full", "new_empty", "_shape_as_tensor"},
           {OperatorKind::kShapeQuery, {0}});
}

const Table& table() {
  static const Table* rows = [] {
    auto* made = new Table;
    add_quantized_operators(*made);
    add_elementwise_operators(*made);
    add_agnostic_operators(*made);
    add_other_operators(*made);
    return made;
  }();
  return *rows;
}

int device_bit(TargetDevice device) {
  switch (device) {
    case TargetDevice::kAny:
    case TargetDevice::kCpu:
      return kCpu;
    case TargetDevice::kGpu:
      return kGpu;
    case TargetDevice::kNpu:
      return kNpu;
    case TargetDevice::kTrial:
      return kTrial;
  }
  return kCpu;
}

std::string_view aten_name(const graph::Node& node) {
  constexpr std::string_view kPrefix = "aten::";
  const std::string_view op = node.op();
  return op.starts_with(kPrefix) ? op.substr(kPrefix.size()) : std::string_view();
}

bool returns_tensors(const graph::Node& node) {
  if (node.schema() == nullptr) return true;
  for (const c10::Argument& result : node.schema()->returns()) {
    const std::string type = result.type()->str();
    if (absl::StrContains(type, "Tensor")) return true;
  }
  return false;
}

// What is padded with another number than zero need not be on the input's grid.
bool pads_with_zero(const graph::Node& node) {
  const graph::Value* value = node.argument("value");
  if (value == nullptr || value->is_none()) return true;
  if (!value->is_constant()) return false;
  const c10::IValue& constant = value->constant();
  if (constant.isDouble()) return constant.toDouble() == 0;
  return constant.isInt() && constant.toInt() == 0;
}

bool names_rounding(const graph::Node& node) {
  const graph::Value* mode = node.argument("rounding_mode");
  return mode != nullptr && !mode->is_none();
}

// max and min are three operators each, told apart by their arguments.
OperatorTraits traits_of_max(const graph::Node& node) {
  if (node.argument_index("other") >= 0) return {OperatorKind::kArithmetic, {0, 1}, -1, true};
  return {OperatorKind::kSelection, {0}, -1, false};
}

OperatorTraits traits_of_structure(const graph::Node& node) {
  const bool unpacks = node.op() == "prim::ListUnpack" || node.op() == "prim::TupleUnpack";
  if (unpacks) return {OperatorKind::kMovement, {0}, -1, false};
  return {};
}

}  // namespace

absl::StatusOr<TargetDevice> parse_target_device(const std::string& name) {
  for (const TargetDevice device :
       {TargetDevice::kAny, TargetDevice::kCpu, TargetDevice::kGpu, TargetDevice::kNpu, TargetDevice::kTrial}) {
    if (name == to_string(device)) return device;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("target_device: expected ANY, CPU, GPU, NPU or TRIAL, not \"", name, "\""));
}

const char* to_string(TargetDevice device) {
  switch (device) {
    case TargetDevice::kAny:
      return "ANY";
    case TargetDevice::kCpu:
      return "CPU";
    case TargetDevice::kGpu:
      return "GPU";
    case TargetDevice::kNpu:
      return "NPU";
    case TargetDevice::kTrial:
      return "TRIAL";
  }
  return "ANY";
}

OperatorTraits operator_traits(const graph::Node& node, TargetDevice device) {
  // Which inputs a transform of another method may have quantized is not ours to say.
  if (node.is_transform()) return {};
  if (node.op().starts_with("prim::") && node.schema() == nullptr) return traits_of_structure(node);
  if (!returns_tensors(node)) return {OperatorKind::kShapeQuery, {}, -1, false};
  // A quantized copy would take the writes in place of the tensor that they are for.
  if (graph::is_in_place(node)) return {};
  const std::string_view name = aten_name(node);
  if (name == "max" || name == "min") return traits_of_max(node);
  const auto found = table().find(name);
  if (found == table().end()) return {};
  const Row& row = found->second;
  if ((name == "pad" || name == "constant_pad_nd") && !pads_with_zero(node)) return {};
  if (row.kind == OperatorKind::kArithmetic && names_rounding(node)) return {};
  // GPUs and NPUs copy the nearest element as it is.
  const bool copies =
      name.starts_with("upsample_nearest") && (device == TargetDevice::kGpu || device == TargetDevice::kNpu);
  if (copies) return {OperatorKind::kMovement, {0}, -1, false};
  return {row.kind, row.data, row.weight, (row.devices & device_bit(device)) != 0};
}

bool is_shape_use(const graph::Use& use) {
  if (use.user == nullptr || use.user->is_transform()) return false;
  const std::string_view name = aten_name(*use.user);
  if (name == "expand_as" || name == "view_as" || name == "reshape_as" || name == "type_as") return use.index == 1;
  if (name.empty()) return false;
  const auto found = table().find(name);
  return found != table().end() && found->second.kind == OperatorKind::kShapeQuery;
}

bool is_index_use(const graph::Use& use) {
  if (use.user == nullptr || use.user->schema() == nullptr) return false;
  const auto& arguments = use.user->schema()->arguments();
  if (use.index >= arguments.size()) return false;
  const std::string& argument = arguments[use.index].name();
  return argument == "indices" || argument == "index" || argument == "mask" || argument == "condition" ||
         argument == "offsets" || (aten_name(*use.user) == "one_hot" && use.index == 0);
}

bool is_depthwise(const graph::Node& node) {
  const graph::Value* groups = node.argument("groups");
  if (groups == nullptr || !groups->is_constant() || !groups->constant().isInt()) return false;
  const graph::Value* weight = node.argument("weight");
  // Masks and quantizers on the weight keep its shape.
  while (weight != nullptr && weight->producer() != nullptr && weight->producer()->is_transform()) {
    weight = weight->producer()->input(0);
  }
  if (weight == nullptr || !(weight->is_parameter() || weight->is_buffer())) return false;
  // [out, in / groups, ...]: one input channel a group. (Transposed: [in, out / groups, ...].)
  return groups->constant().toInt() > 1 && weight->tensor().dim() > 1 && weight->tensor().size(1) == 1;
}

bool is_transposed_convolution(const graph::Node& node) {
  if (node.op().find("conv_transpose") != std::string::npos) return true;
  const graph::Value* transposed = node.argument("transposed");
  return transposed != nullptr && transposed->is_constant() && transposed->constant().isBool() &&
         transposed->constant().toBool();
}

}  // namespace pare
