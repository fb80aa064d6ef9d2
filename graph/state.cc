#include "graph/state.h"

#include <ATen/core/Dict.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/Device.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <sstream>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/atomic_file.h"
#include "base/status_macros.h"
#include "base/torch_archive.h"
#include "base/torch_guard.h"
#include "base/written_json.h"

namespace pare::graph {

namespace {

constexpr char kMetadataKey[] = "__pare__";

// What set_state() does; it may throw what LibTorch and nlohmann throw.
absl::Status set_state_or_throw(Model& model, const ModelState& state) {
  std::vector<std::pair<at::Tensor, at::Tensor>> copies;
  for (const auto& tensors : {model.named_parameters(), model.named_buffers()}) {
    for (const auto& [name, tensor] : tensors) {
      const auto found = state.tensors.find(name);
      if (found == state.tensors.end()) {
        return absl::InvalidArgumentError(absl::StrCat("the state has no tensor ", name, ", which the model needs"));
      }
      if (found->second.sizes() != tensor.sizes()) {
        return absl::InvalidArgumentError(absl::StrCat(name, ": the state's tensor has ", found->second.numel(),
                                                       " elements of another shape than the model's ", tensor.numel()));
      }
      // Converted before the first is written: what can fail has failed by then.
      copies.emplace_back(tensor, found->second.detach().to(tensor.options()));
    }
  }
  for (const auto& [name, tensor] : state.tensors) {
    if (model.graph().find_parameter(name) != nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat("the state has a tensor ", name, " that the model does not have"));
  }
  for (const auto& [name, transform_state] : state.transforms) {
    const Node* node = model.graph().find_node(name);
    if (node != nullptr && node->is_transform()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the state has a transform ", name, " that the model does not have"));
  }
  std::vector<std::pair<Transform*, const nlohmann::json*>> transforms;
  for (const Node* node : model.graph().nodes()) {
    if (!node->is_transform()) continue;
    const auto found = state.transforms.find(node->name());
    if (found != state.transforms.end()) {
      transforms.emplace_back(node->transform().get(), &found->second);
    } else if (!node->transform()->state().is_null()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the state has nothing for the transform ", node->name(), ", which the model needs"));
    }
  }
  std::vector<std::pair<Transform*, nlohmann::json>> previous;
  absl::Cleanup roll_back = [&previous] {
    for (auto& [transform, old_state] : previous) transform->set_state(old_state).IgnoreError();
  };
  for (const auto& [transform, transform_state] : transforms) {
    nlohmann::json old_state = transform->state();
    PARE_RETURN_IF_ERROR(transform->set_state(*transform_state));
    previous.emplace_back(transform, std::move(old_state));
  }
  const at::NoGradGuard no_grad;
  for (auto& [to, from] : copies) to.copy_(from);
  std::move(roll_back).Cancel();
  return absl::OkStatus();
}

}  // namespace

ModelState get_state(const Model& model) {
  ModelState state;
  for (const auto& tensors : {model.named_parameters(), model.named_buffers()}) {
    for (const auto& [name, tensor] : tensors) state.tensors[name] = tensor.detach().to(c10::kCPU, false, true);
  }
  for (const Node* node : model.graph().nodes()) {
    if (!node->is_transform()) continue;
    nlohmann::json transform_state = node->transform()->state();
    if (!transform_state.is_null()) state.transforms[node->name()] = std::move(transform_state);
  }
  return state;
}

absl::Status set_state(Model& model, const ModelState& state) {
  absl::Status status;
  PARE_RETURN_IF_ERROR(guard_torch("setting the model's state", [&] { status = set_state_or_throw(model, state); }));
  return status;
}

absl::StatusOr<std::string> serialize(const std::map<std::string, at::Tensor>& tensors,
                                      const nlohmann::json& metadata) {
  return guard_torch("serializing tensors", [&] {
    c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
    for (const auto& [name, tensor] : tensors) dict.insert(name, tensor.detach().contiguous());
    dict.insert(kMetadataKey, metadata.dump());
    const std::vector<char> bytes = torch::jit::pickle_save(dict);
    return std::string(bytes.begin(), bytes.end());
  });
}

namespace {

// What deserialize() does; it may throw std::bad_alloc.
absl::Status deserialize_or_throw(const std::string& bytes, const std::string& what,
                                  std::map<std::string, at::Tensor>* tensors, nlohmann::json* metadata) {
  std::map<std::string, at::Tensor> result;
  std::string metadata_text;
  std::istringstream file(bytes);
  if (const absl::Status checked = check_torch_archive(file, what, TorchArchive::kTensors); !checked.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " is not a whole file of tensors: ", std::string(checked.message())));
  }
  const absl::Status status = guard_torch(absl::StrCat(what, " is not a whole file of tensors"), [&] {
    const c10::IValue value = torch::jit::pickle_load(std::vector<char>(bytes.begin(), bytes.end()));
    TORCH_CHECK(value.isGenericDict(), "expected a dict, found a ", value.tagKind());
    for (const auto& entry : value.toGenericDict()) {
      TORCH_CHECK(entry.key().isString(), "a key is no string but a ", entry.key().tagKind());
      if (entry.key().toStringRef() == kMetadataKey) {
        metadata_text = entry.value().toStringRef();
      } else {
        result[entry.key().toStringRef()] = entry.value().toTensor();
      }
    }
  });
  PARE_RETURN_IF_ERROR(status);
  const std::string own_part = absl::StrCat(what, ": the part that only Pare writes (", kMetadataKey, ")");
  if (metadata_text.empty()) return absl::InvalidArgumentError(absl::StrCat(own_part, " is missing"));
  PARE_ASSIGN_OR_RETURN(*metadata, parse_written_json(metadata_text, own_part));
  *tensors = std::move(result);
  return absl::OkStatus();
}

}  // namespace

absl::Status deserialize(const std::string& bytes, const std::string& what, std::map<std::string, at::Tensor>* tensors,
                         nlohmann::json* metadata) {
  absl::Status status;
  PARE_RETURN_IF_ERROR(guard_torch(absl::StrCat("reading ", what),
                                   [&] { status = deserialize_or_throw(bytes, what, tensors, metadata); }));
  return status;
}

absl::Status save_state(const Model& model, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const ModelState state,
                        guard_torch("copying the model's state", [&] { return get_state(model); }));
  PARE_ASSIGN_OR_RETURN(const std::string bytes, serialize(state.tensors, {{"transforms", state.transforms}}));
  return write_file_atomically(path, bytes);
}

absl::Status load_state(Model& model, const std::string& path) {
  PARE_ASSIGN_OR_RETURN(const std::string bytes, read_file(path));
  ModelState state;
  nlohmann::json metadata;
  PARE_RETURN_IF_ERROR(deserialize(bytes, path, &state.tensors, &metadata));
  if (metadata.contains("transforms") && metadata["transforms"].is_object()) {
    for (auto& [name, value] : metadata["transforms"].get_ref<nlohmann::json::object_t&>()) {
      state.transforms[name] = std::move(value);
    }
  }
  return set_state(model, state);
}

}  // namespace pare::graph
