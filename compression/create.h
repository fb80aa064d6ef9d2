// compression/create.h: the door to compression: a model and a config in, the compressed model out.
//
//   PARE_ASSIGN_OR_RETURN(auto model, graph::import_torchscript("resnet20.pt", {}));
//   PARE_ASSIGN_OR_RETURN(auto config, CompressionConfig::load("int8.json"));
//   PARE_ASSIGN_OR_RETURN(auto compression, create_compressed_model(model, config, {.data_loader = &calibration}));
//   ... train compression->model() ...
//   PARE_RETURN_IF_ERROR(compression->export_model("resnet20_int8.onnx"));

#ifndef PARE_COMPRESSION_CREATE_H_
#define PARE_COMPRESSION_CREATE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "compression/algorithm.h"

namespace pare {

struct CreateOptions {
  // Configures the methods from data. It must outlive training: methods may draw from it again (the staged schedule of
  // quantization does). nullptr: they stay as constructed, for a state that is loaded afterwards; then give the loader
  // with CompressionAlgorithm::set_data_loader().
  data::DataLoader* data_loader = nullptr;
  // Where several processes train together, each with its part of the data: the group, the same model and config in
  // each. The model becomes that of process 0, and the methods' distributed() is called before they see data.
  std::shared_ptr<ProcessGroup> process_group;
  // The shapes of the model's inputs; empty: the config's input_info.
  InputSize input_size;
};

// Makes the config's methods, in its order, on `model`, which is rewritten in place: one method as it is, several as a
// CompositeAlgorithm. The model is in evaluation mode while methods are made and initialized, and then again in the
// mode it came in. The config's kernel backend, unless it is "auto", is chosen for the whole process. The gradients of
// the parameters that a method adds are scaled by its compression_lr_multiplier.
//
// InvalidArgument if there is no model, if a parameter or buffer holds a NaN or an infinity, if there is neither
// input_size nor input_info or they do not fit the model's inputs, or if the config has no algorithm; NotFound if a
// method's name or the backend is not registered; otherwise what the methods return. Up to the first call of a method
// the model is as it was; when a method fails, it may be half rewritten, and is to be thrown away.
absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> create_compressed_model(std::shared_ptr<graph::Model> model,
                                                                              const CompressionConfig& config,
                                                                              const CreateOptions& options);

}  // namespace pare

#endif  // PARE_COMPRESSION_CREATE_H_
