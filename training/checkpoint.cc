#include "training/checkpoint.h"

#include <ATen/ops/empty.h>

#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "training/fnv1a.h"

namespace pare::training {
namespace {

constexpr char kMagic[] = "PARECKPT";
constexpr uint32_t kVersion = 1;
constexpr size_t kMagicSize = 8;
constexpr size_t kHeaderSize = kMagicSize + sizeof(uint32_t) + 2 * sizeof(uint64_t);
constexpr char kModelPrefix[] = "model/";
constexpr char kOptimizer[] = "optimizer";
constexpr char kRandomState[] = "random_state";
constexpr char kDeviceRandomState[] = "device_random_state";

template <typename Integer>
void append(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof(Integer); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <typename Integer>
Integer take(std::string_view& in) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) value |= Integer{static_cast<unsigned char>(in[i])} << (8 * i);
  in.remove_prefix(sizeof(Integer));
  return value;
}

at::Tensor bytes_to_tensor(const std::string& bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::TensorOptions(c10::kByte));
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

// The payload of a checkpoint file, checked; a view into `bytes`.
absl::StatusOr<std::string_view> payload_of(const std::string& bytes, const std::string& path) {
  std::string_view rest = bytes;
  if (rest.substr(0, kMagicSize) != std::string_view(kMagic, kMagicSize)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is no checkpoint of Pare's trainer"));
  }
  if (rest.size() < kHeaderSize) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is truncated: ", rest.size(), " bytes, less than its header"));
  }
  rest.remove_prefix(kMagicSize);
  const uint32_t version = take<uint32_t>(rest);
  const uint64_t size = take<uint64_t>(rest);
  const uint64_t hash = take<uint64_t>(rest);
  if (version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is a checkpoint of version ", version, "; this program reads version ", kVersion));
  }
  if (rest.size() != size) {
    return absl::InvalidArgumentError(absl::StrCat(path, rest.size() < size ? " is truncated: " : " is too long: ",
                                                   rest.size(), " bytes after the header, which says ", size));
  }
  if (fnv1a(rest) != hash) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is damaged: its content does not match its checksum"));
  }
  return rest;
}

}  // namespace

Checkpoint capture(const CompressionAlgorithm& algorithm) {
  Checkpoint checkpoint;
  checkpoint.model = graph::get_state(*algorithm.model());
  checkpoint.algorithm = algorithm.state();
  return checkpoint;
}

absl::Status restore(const Checkpoint& checkpoint, CompressionAlgorithm& algorithm) {
  PARE_RETURN_IF_ERROR(graph::set_state(*algorithm.model(), checkpoint.model));
  return algorithm.set_state(checkpoint.algorithm);
}

absl::StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : checkpoint.model.tensors) tensors[kModelPrefix + name] = tensor;
  if (!checkpoint.optimizer.empty()) tensors[kOptimizer] = bytes_to_tensor(checkpoint.optimizer);
  if (checkpoint.random_state.defined()) tensors[kRandomState] = checkpoint.random_state;
  if (checkpoint.device_random_state.defined()) tensors[kDeviceRandomState] = checkpoint.device_random_state;
  const nlohmann::json metadata = {
      {"transforms", checkpoint.model.transforms},
      {"algorithm", checkpoint.algorithm},
      {"epoch", checkpoint.epoch},
      {"steps_in_epoch", checkpoint.steps_in_epoch},
      {"global_step", checkpoint.global_step},
      {"config", checkpoint.config},
      {"trainer", checkpoint.trainer},
  };
  PARE_ASSIGN_OR_RETURN(const std::string payload, graph::serialize(tensors, metadata));
  std::string bytes(kMagic, kMagicSize);
  append(bytes, kVersion);
  append(bytes, static_cast<uint64_t>(payload.size()));
  append(bytes, fnv1a(payload));
  bytes += payload;
  return bytes;
}

absl::Status save_checkpoint(const Checkpoint& checkpoint, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string bytes, encode_checkpoint(checkpoint));
  return write_file_atomically(path, bytes);
}

absl::StatusOr<Checkpoint> load_checkpoint(const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  return decode_checkpoint(bytes, path);
}

absl::StatusOr<Checkpoint> decode_checkpoint(const std::string& bytes, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string_view payload, payload_of(bytes, path));
  std::map<std::string, at::Tensor> tensors;
  nlohmann::json metadata;
  PARE_RETURN_IF_ERROR(graph::deserialize(std::string(payload), path, &tensors, &metadata));
  Checkpoint checkpoint;
  for (auto& [name, tensor] : tensors) {
    if (name.rfind(kModelPrefix, 0) == 0) {
      checkpoint.model.tensors[name.substr(sizeof(kModelPrefix) - 1)] = std::move(tensor);
    } else if (name == kOptimizer) {
      checkpoint.optimizer.assign(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
    } else if (name == kRandomState) {
      checkpoint.random_state = std::move(tensor);
    } else if (name == kDeviceRandomState) {
      checkpoint.device_random_state = std::move(tensor);
    }
  }
  // The checksum holds, so a missing key can only be a mistake of the program that wrote it.
  PARE_RETURN_IF_ERROR(guard_torch(absl::StrCat(path, ": unexpected content"), [&] {
    metadata.at("transforms").get_to(checkpoint.model.transforms);
    checkpoint.algorithm = metadata.at("algorithm");
    metadata.at("epoch").get_to(checkpoint.epoch);
    metadata.at("steps_in_epoch").get_to(checkpoint.steps_in_epoch);
    metadata.at("global_step").get_to(checkpoint.global_step);
    checkpoint.config = metadata.at("config");
    checkpoint.trainer = metadata.at("trainer");
  }));
  return checkpoint;
}

}  // namespace pare::training
