// training/compressed_model.h: a compressed model from a checkpoint alone, without its config.
//
//   PARE_ASSIGN_OR_RETURN(auto network, graph::import_torchscript("resnet20.pt", {}));
//   PARE_ASSIGN_OR_RETURN(auto compression, load_compressed_model("out/best.checkpoint", network));
//   compression->model()->forward(...);                                   // as it was trained, in evaluation mode
//   PARE_RETURN_IF_ERROR(compression->export_model("resnet20.onnx"));
//
// The checkpoint holds the config, the shapes of the inputs, all weights and all that the methods have learned; what it
// does not hold is the network's structure: `network` is the one that was compressed, whatever its weights. Filters
// that were cut out are cut out of it. The program must have linked the methods.

#ifndef PARE_TRAINING_COMPRESSED_MODEL_H_
#define PARE_TRAINING_COMPRESSED_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "compression/algorithm.h"
#include "graph/model.h"
#include "training/checkpoint.h"

namespace pare::training {

// `network` is rewritten in place, and to be thrown away after an error. A training without a config gives a method
// that does nothing. To train on, use Trainer with `resume`; the methods have no data loader to draw from. Errors:
// those of load_checkpoint() and create_compressed_model(); InvalidArgument, with the path, if the network is another
// one.
absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> load_compressed_model(const std::string& path,
                                                                            std::shared_ptr<graph::Model> network);

// The same of a checkpoint that is read already; `path` is for messages.
absl::StatusOr<std::unique_ptr<CompressionAlgorithm>> make_compressed_model(const Checkpoint& checkpoint,
                                                                            const std::string& path,
                                                                            std::shared_ptr<graph::Model> network);

}  // namespace pare::training

#endif  // PARE_TRAINING_COMPRESSED_MODEL_H_
