#include "distributed/share_model.h"

#include <ATen/core/grad_mode.h>
#include <zlib.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "distributed/gather_json.h"

namespace pare {
namespace {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

NamedTensors tensors_of(const graph::Model& model) {
  NamedTensors tensors = model.named_parameters();
  for (auto& buffer : model.named_buffers()) tensors.push_back(std::move(buffer));
  return tensors;
}

// The first place at which a list differs from that of process 0, in some process; all find the same.
absl::Status compare(ProcessGroup& group, const nlohmann::json& mine, const std::string& what, absl::StatusCode code) {
  PARE_ASSIGN_OR_RETURN(const std::vector<nlohmann::json> everyones, gather_json(group, mine));
  const nlohmann::json& expected = everyones[0];
  for (size_t rank = 1; rank < everyones.size(); ++rank) {
    const nlohmann::json& theirs = everyones[rank];
    for (size_t i = 0; i < std::max(expected.size(), theirs.size()); ++i) {
      const nlohmann::json first = i < expected.size() ? expected[i] : nlohmann::json("nothing");
      const nlohmann::json other = i < theirs.size() ? theirs[i] : nlohmann::json("nothing");
      if (first == other) continue;
      return absl::Status(code, absl::StrCat("process ", rank, " has another ", what, " than process 0: ", other.dump(),
                                             " in place of ", first.dump()));
    }
  }
  return absl::OkStatus();
}

absl::Status share(ProcessGroup& group, const at::Tensor& tensor) {
  // In place also where a tensor is not dense; a number travels as an array of one.
  PARE_ASSIGN_OR_RETURN(const at::Tensor copy,
                        guard_torch("sharing a model", [&] { return tensor.detach().contiguous().clone(); }));
  const bool is_bool = copy.scalar_type() == c10::kBool;
  const bool is_brain_float = copy.scalar_type() == c10::kBFloat16;
  // Engines that do not know these types move their bytes.
  const at::Tensor moved = is_bool ? copy.view(c10::kByte) : is_brain_float ? copy.view({-1}).view(c10::kByte) : copy;
  PARE_RETURN_IF_ERROR(group.broadcast(moved, 0));
  if (group.rank() == 0) return absl::OkStatus();
  return guard_torch("sharing a model", [&] {
    const at::NoGradGuard no_grad;
    tensor.detach().copy_(copy);
  });
}

}  // namespace

absl::Status share_model(ProcessGroup& group, graph::Model& model) {
  const NamedTensors tensors = tensors_of(model);
  nlohmann::json shapes = nlohmann::json::array();
  for (const auto& [name, tensor] : tensors) {
    shapes.push_back(
        absl::StrCat(name, " ", c10::toString(tensor.scalar_type()), "[", absl::StrJoin(tensor.sizes(), ", "), "]"));
  }
  PARE_RETURN_IF_ERROR(compare(group, shapes, "model", absl::StatusCode::kInvalidArgument));
  for (const auto& [name, tensor] : tensors) PARE_RETURN_IF_ERROR(share(group, tensor));
  return absl::OkStatus();
}

absl::Status average_buffers(ProcessGroup& group, graph::Model& model) {
  for (const auto& [name, buffer] : model.named_buffers()) {
    if (!buffer.is_floating_point()) {
      PARE_RETURN_IF_ERROR(share(group, buffer));
      continue;
    }
    // In double, whatever the order of the sum.
    PARE_ASSIGN_OR_RETURN(const at::Tensor sum, guard_torch("averaging a model's buffers", [&] {
                            return buffer.detach().to(c10::kDouble).contiguous().clone();
                          }));
    PARE_RETURN_IF_ERROR(group.all_reduce(sum, Reduction::kSum));
    PARE_RETURN_IF_ERROR(guard_torch("averaging a model's buffers", [&] {
      const at::NoGradGuard no_grad;
      buffer.detach().copy_(sum.div(static_cast<double>(group.size())));
    }));
  }
  return absl::OkStatus();
}

absl::Status check_same_model(ProcessGroup& group, const graph::Model& model) {
  nlohmann::json checksums = nlohmann::json::array();
  PARE_RETURN_IF_ERROR(guard_torch("comparing models", [&] {
    for (const auto& [name, tensor] : tensors_of(model)) {
      const at::Tensor host = tensor.detach().cpu().contiguous();
      const auto sum = crc32_z(0, static_cast<const Bytef*>(host.data_ptr()), host.nbytes());
      checksums.push_back(absl::StrCat(name, " (checksum ", absl::Hex(sum), ")"));
    }
  }));
  return compare(group, checksums, "model", absl::StatusCode::kFailedPrecondition);
}

}  // namespace pare
