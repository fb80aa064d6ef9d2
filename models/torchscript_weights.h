// models/torchscript_weights.h: takes the weights of a TorchScript file into a C++ module.
//
//   PARE_RETURN_IF_ERROR(load_weights_from_torchscript(*model.module, "resnet20_cifar10.pt"));
//
// Parameters and buffers go by their names, which must be the same on both sides, as must the shapes. All are compared
// before the first is copied: on an error the module is as it was. Values are converted to the module's dtype and
// device.

#ifndef PARE_MODELS_TORCHSCRIPT_WEIGHTS_H_
#define PARE_MODELS_TORCHSCRIPT_WEIGHTS_H_

#include <string>

#include "absl/status/status.h"
#include "models/model.h"

namespace pare::models {

// Errors: NotFound (no such file); InvalidArgument, with the file's name, for a file that is no TorchScript or is cut
// off, and, with the first name, for a tensor that one side lacks or whose shape differs.
absl::Status load_weights_from_torchscript(torch::nn::Module& module, const std::string& path);

}  // namespace pare::models

#endif  // PARE_MODELS_TORCHSCRIPT_WEIGHTS_H_
