#include "training/checkpoint.h"

#include <ATen/ops/empty.h>
#include <torch/version.h>

#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "base/version.h"
#include "config/object_reader.h"
#include "training/fnv1a.h"

namespace pare::training {
namespace {

constexpr char kMagic[] = "PARECKPT";
constexpr size_t kMagicSize = 8;
constexpr size_t kHashedHeaderSize = kMagicSize + sizeof(uint32_t) + sizeof(uint64_t);
constexpr size_t kHeaderSize = kHashedHeaderSize + sizeof(uint64_t);
constexpr char kModelPrefix[] = "model/";
constexpr char kAlgorithmPrefix[] = "algorithm/";
constexpr char kOptimizer[] = "optimizer";
constexpr char kRandomState[] = "random_state";
constexpr char kDeviceRandomState[] = "device_random_state";
// Of epochs and steps: none comes near, and one more is a number still.
constexpr double kMostSteps = 1e15;

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

// Of the header up to the hash, and of the payload.
uint64_t hash_of(std::string_view header, std::string_view payload) {
  return fnv1a(payload, fnv1a(header.substr(0, kHashedHeaderSize)));
}

// Takes the prefix off; whether it was there.
bool remove_prefix(std::string_view prefix, std::string& name) {
  if (name.compare(0, prefix.size(), prefix) != 0) return false;
  name.erase(0, prefix.size());
  return true;
}

at::Tensor bytes_to_tensor(const std::string& bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::TensorOptions(c10::kByte));
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

// The payload of a checkpoint file, checked; a view into `bytes`.
absl::StatusOr<std::string_view> payload_of(const std::string& bytes, const std::string& path) {
  std::string_view rest = bytes;
  if (rest.empty()) return absl::DataLossError(absl::StrCat(path, " is empty"));
  if (rest.substr(0, kMagicSize) != std::string_view(kMagic, kMagicSize)) {
    return absl::DataLossError(
        absl::StrCat(path, " is no checkpoint of Pare's trainer, or its first bytes are damaged"));
  }
  if (rest.size() < kHeaderSize) {
    return absl::DataLossError(absl::StrCat(path, " is truncated: ", rest.size(), " bytes, less than its header"));
  }
  rest.remove_prefix(kMagicSize);
  const uint32_t version = take<uint32_t>(rest);
  const uint64_t size = take<uint64_t>(rest);
  const uint64_t hash = take<uint64_t>(rest);
  if (rest.size() != size) {
    return absl::DataLossError(absl::StrCat(path, rest.size() < size ? " is truncated: " : " is too long: ",
                                            rest.size(), " bytes after the header, which says ", size));
  }
  // Version 1 had the hash of the payload alone.
  const bool is_whole = version == 1 ? fnv1a(rest) == hash : hash_of(bytes, rest) == hash;
  if (!is_whole) {
    return absl::DataLossError(absl::StrCat(path, " is damaged: its content does not match its checksum"));
  }
  if (version == kCheckpointVersion) return rest;
  const bool is_newer = version > kCheckpointVersion;
  return absl::FailedPreconditionError(absl::StrCat(
      path, " is whole, and of ", is_newer ? "a newer" : "an older", " version of the format, ", version,
      "; this Pare, ", kPareVersion, ", reads version ", kCheckpointVersion, ": go on with ",
      is_newer ? "the newer Pare that wrote it" : "the Pare that wrote it", ", or start anew in another folder"));
}

// What the methods of a caller's own do with a state that does not fit them, too, is an error and no exception.
absl::Status restore_or_throw(const Checkpoint& checkpoint, CompressionAlgorithm& algorithm) {
  PARE_RETURN_IF_ERROR(algorithm.prepare_for_state(checkpoint.algorithm));
  PARE_RETURN_IF_ERROR(graph::set_state(*algorithm.model(), checkpoint.model));
  PARE_RETURN_IF_ERROR(algorithm.set_state_tensors(checkpoint.algorithm_tensors));
  return algorithm.set_state(checkpoint.algorithm);
}

// The checksum holds, so that what is missing or of another type can only be a mistake of the program that wrote it.
absl::Status take_metadata(nlohmann::json metadata, const std::string& path, Checkpoint& checkpoint) {
  config::ObjectReader reader(metadata, absl::StrCat(path, ": metadata"));
  const auto count = [&](const char* key, int64_t& number) {
    if (!reader.has(key)) reader.fail(key, "is missing");
    number = reader.integer(key, 0, {.min = 0, .max = kMostSteps});
  };
  count("epoch", checkpoint.epoch);
  count("steps_in_epoch", checkpoint.steps_in_epoch);
  count("global_step", checkpoint.global_step);
  const std::pair<const char*, nlohmann::json&> parts[] = {
      {"algorithm", checkpoint.algorithm}, {"compression", checkpoint.compression}, {"source", checkpoint.source},
      {"config", checkpoint.config},       {"trainer", checkpoint.trainer},         {"made_by", checkpoint.made_by}};
  for (const auto& [key, part] : parts) {
    if (!reader.has(key)) reader.fail(key, "is missing");
  }
  if (reader.object("transforms") == nullptr) reader.fail("transforms", "is missing");
  PARE_RETURN_IF_ERROR(reader.status());
  for (const auto& [key, part] : parts) part = std::move(metadata[key]);
  for (auto& [name, state] : metadata["transforms"].get_ref<nlohmann::json::object_t&>()) {
    checkpoint.model.transforms[name] = std::move(state);
  }
  return absl::OkStatus();
}

absl::StatusOr<Checkpoint> decode_or_throw(const std::string& bytes, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string_view payload, payload_of(bytes, path));
  std::map<std::string, at::Tensor> tensors;
  nlohmann::json metadata;
  PARE_RETURN_IF_ERROR(graph::deserialize(std::string(payload), path, &tensors, &metadata));
  Checkpoint checkpoint;
  for (auto& [key, tensor] : tensors) {
    std::string name = key;
    if (remove_prefix(kModelPrefix, name)) {
      checkpoint.model.tensors[name] = std::move(tensor);
    } else if (remove_prefix(kAlgorithmPrefix, name)) {
      checkpoint.algorithm_tensors[name] = std::move(tensor);
    } else if (name == kOptimizer) {
      if (tensor.dim() != 1 || tensor.scalar_type() != c10::kByte || !tensor.is_contiguous() || !tensor.is_cpu()) {
        return absl::InvalidArgumentError(absl::StrCat(path, ": the optimizer's state is no list of bytes"));
      }
      checkpoint.optimizer.assign(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
    } else if (name == kRandomState) {
      checkpoint.random_state = std::move(tensor);
    } else if (name == kDeviceRandomState) {
      checkpoint.device_random_state = std::move(tensor);
    }
  }
  PARE_RETURN_IF_ERROR(take_metadata(std::move(metadata), path, checkpoint));
  return checkpoint;
}

}  // namespace

Checkpoint capture(const CompressionAlgorithm& algorithm) {
  Checkpoint checkpoint;
  checkpoint.model = graph::get_state(*algorithm.model());
  checkpoint.algorithm = algorithm.state();
  checkpoint.algorithm_tensors = algorithm.state_tensors();
  checkpoint.compression = {{"config", algorithm.source_config()}, {"input_size", algorithm.input_size()}};
  checkpoint.made_by = {{"pare", kPareVersion}, {"libtorch", TORCH_VERSION}};
  return checkpoint;
}

absl::Status restore(const Checkpoint& checkpoint, CompressionAlgorithm& algorithm) {
  absl::Status status;
  PARE_RETURN_IF_ERROR(
      guard_torch("the checkpoint's state of the methods", [&] { status = restore_or_throw(checkpoint, algorithm); }));
  return status;
}

std::string with_checkpoint_header(std::string_view payload) {
  std::string bytes(kMagic, kMagicSize);
  append(bytes, kCheckpointVersion);
  append(bytes, static_cast<uint64_t>(payload.size()));
  append(bytes, hash_of(bytes, payload));
  bytes += payload;
  return bytes;
}

absl::StatusOr<std::string> encode_checkpoint(const Checkpoint& checkpoint) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, tensor] : checkpoint.model.tensors) tensors[kModelPrefix + name] = tensor;
  for (const auto& [name, tensor] : checkpoint.algorithm_tensors) tensors[kAlgorithmPrefix + name] = tensor;
  if (!checkpoint.optimizer.empty()) tensors[kOptimizer] = bytes_to_tensor(checkpoint.optimizer);
  if (checkpoint.random_state.defined()) tensors[kRandomState] = checkpoint.random_state;
  if (checkpoint.device_random_state.defined()) tensors[kDeviceRandomState] = checkpoint.device_random_state;
  const nlohmann::json metadata = {
      {"transforms", checkpoint.model.transforms},
      {"algorithm", checkpoint.algorithm},
      {"compression", checkpoint.compression},
      {"source", checkpoint.source},
      {"epoch", checkpoint.epoch},
      {"steps_in_epoch", checkpoint.steps_in_epoch},
      {"global_step", checkpoint.global_step},
      {"config", checkpoint.config},
      {"trainer", checkpoint.trainer},
      {"made_by", checkpoint.made_by},
  };
  PARE_ASSIGN_OR_RETURN(const std::string payload, graph::serialize(tensors, metadata));
  return with_checkpoint_header(payload);
}

absl::Status save_checkpoint(const Checkpoint& checkpoint, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string bytes, encode_checkpoint(checkpoint));
  return write_file_atomically(path, bytes);
}

absl::StatusOr<Checkpoint> load_checkpoint(const std::string& path) {
  absl::StatusOr<Checkpoint> checkpoint;
  PARE_RETURN_IF_ERROR(guard_torch(absl::StrCat("reading ", path), [&] {
    const absl::StatusOr<std::string> bytes = read_file(path);
    checkpoint = bytes.ok() ? decode_or_throw(*bytes, path) : bytes.status();
  }));
  return checkpoint;
}

absl::StatusOr<Checkpoint> decode_checkpoint(const std::string& bytes, const std::string& path) {
  absl::StatusOr<Checkpoint> checkpoint;
  PARE_RETURN_IF_ERROR(guard_torch(absl::StrCat("reading ", path), [&] { checkpoint = decode_or_throw(bytes, path); }));
  return checkpoint;
}

}  // namespace pare::training
