#include "export/onnx/onnx_proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

#include <exception>
#include <limits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace pare::exporters {
namespace {

// Protobuf's own limit, less room for the graph around the tensors.
constexpr size_t kMaximumBytes = (size_t{1} << 31) - (size_t{1} << 24);

absl::StatusOr<int> dtype_or_error(c10::ScalarType dtype, const std::string& name) {
  const int result = onnx_dtype(dtype);
  if (result == 0) {
    return absl::UnimplementedError(
        absl::StrCat("ONNX has no tensors of dtype ", c10::toString(dtype), ", which ", name, " has"));
  }
  return result;
}

void set_attribute(const std::string& name, const Attribute& value, onnx::AttributeProto* proto) {
  proto->set_name(name);
  if (const auto* number = std::get_if<int64_t>(&value)) {
    proto->set_type(onnx::AttributeProto::INT);
    proto->set_i(*number);
  } else if (const auto* real = std::get_if<double>(&value)) {
    proto->set_type(onnx::AttributeProto::FLOAT);
    proto->set_f(static_cast<float>(*real));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    proto->set_type(onnx::AttributeProto::STRING);
    proto->set_s(*text);
  } else if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value)) {
    proto->set_type(onnx::AttributeProto::INTS);
    for (int64_t each : *numbers) proto->add_ints(each);
  } else {
    proto->set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& each : std::get<std::vector<std::string>>(value)) proto->add_strings(each);
  }
}

absl::Status set_value(const OnnxValue& value, Dim batch, onnx::ValueInfoProto* proto) {
  proto->set_name(value.name);
  auto* type = proto->mutable_type()->mutable_tensor_type();
  PARE_ASSIGN_OR_RETURN(const int dtype, dtype_or_error(value.info.dtype, value.name));
  type->set_elem_type(dtype);
  auto* shape = type->mutable_shape();
  for (const Dim& dim : value.info.dims) {
    auto* size = shape->add_dim();
    if (dim.is_fixed()) {
      size->set_dim_value(dim.first);
    } else if (dim == batch) {
      size->set_dim_param("batch");
    } else if (dim.first % batch.first == 0 && dim.first / batch.first * batch.second == dim.second) {
      size->set_dim_param(absl::StrCat(dim.first / batch.first, "*batch"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int onnx_dtype(c10::ScalarType dtype) {
  switch (dtype) {
    case c10::ScalarType::Float:
      return onnx::TensorProto::FLOAT;
    case c10::ScalarType::Double:
      return onnx::TensorProto::DOUBLE;
    case c10::ScalarType::Half:
      return onnx::TensorProto::FLOAT16;
    case c10::ScalarType::BFloat16:
      return onnx::TensorProto::BFLOAT16;
    case c10::ScalarType::Byte:
      return onnx::TensorProto::UINT8;
    case c10::ScalarType::Char:
      return onnx::TensorProto::INT8;
    case c10::ScalarType::Short:
      return onnx::TensorProto::INT16;
    case c10::ScalarType::Int:
      return onnx::TensorProto::INT32;
    case c10::ScalarType::Long:
      return onnx::TensorProto::INT64;
    case c10::ScalarType::Bool:
      return onnx::TensorProto::BOOL;
    default:
      return onnx::TensorProto::UNDEFINED;
  }
}

absl::StatusOr<std::string> serialize(const OnnxBuilder& builder, Dim batch) {
  onnx::ModelProto model;
  model.set_ir_version(kOnnxIrVersion);
  model.set_producer_name("pare");
  model.add_opset_import()->set_version(kOnnxOpset);
  onnx::GraphProto* graph = model.mutable_graph();
  graph->set_name("model");
  for (const OnnxNode& node : builder.nodes()) {
    onnx::NodeProto* proto = graph->add_node();
    proto->set_op_type(node.op);
    if (!node.name.empty()) proto->set_name(node.name);
    for (const std::string& input : node.inputs) proto->add_input(input);
    for (const std::string& output : node.outputs) proto->add_output(output);
    for (const auto& [name, value] : node.attributes) set_attribute(name, value, proto->add_attribute());
  }
  size_t bytes = 0;
  for (const auto& [name, tensor] : builder.initializers()) {
    bytes += tensor.nbytes();
    if (bytes > kMaximumBytes) {
      return absl::UnimplementedError(
          "the model's tensors are larger than 2 GB together, which one .onnx file cannot hold; export it as "
          "TorchScript "
          "(.pt), or make it smaller");
    }
    onnx::TensorProto* proto = graph->add_initializer();
    proto->set_name(name);
    PARE_ASSIGN_OR_RETURN(const int dtype, dtype_or_error(tensor.scalar_type(), name));
    proto->set_data_type(dtype);
    for (int64_t size : tensor.sizes()) proto->add_dims(size);
    proto->set_raw_data(tensor.data_ptr(), tensor.nbytes());
  }
  for (const OnnxValue& input : builder.inputs()) PARE_RETURN_IF_ERROR(set_value(input, batch, graph->add_input()));
  for (const OnnxValue& output : builder.outputs()) PARE_RETURN_IF_ERROR(set_value(output, batch, graph->add_output()));
  try {
    onnx::checker::check_model(model);
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the ONNX model is not valid: ", error.what()));
  }
  std::string result;
  {
    google::protobuf::io::StringOutputStream stream(&result);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!model.SerializeToCodedStream(&coded)) {
      return absl::InternalError("protobuf could not write the model");
    }
  }
  return result;
}

}  // namespace pare::exporters
