#include "distributed/process_group.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>

#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare {
namespace {

at::Tensor to_tensor(std::string_view bytes, int64_t size) {
  at::Tensor tensor = at::zeros({size}, at::TensorOptions(c10::kByte));
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

std::string to_string(const at::Tensor& tensor, int64_t size) {
  const at::Tensor host = tensor.cpu();
  return size == 0 ? std::string() : std::string(static_cast<const char*>(host.data_ptr()), size);
}

}  // namespace

absl::Status ProcessGroup::all_reduce(const at::Tensor& tensor, Reduction reduction) {
  PARE_ASSIGN_OR_RETURN(const std::unique_ptr<Work> work, start_all_reduce(tensor, reduction));
  return work->wait();
}

absl::Status ProcessGroup::reduce_numbers(absl::Span<double> numbers, Reduction reduction) {
  if (numbers.empty()) return absl::OkStatus();
  const auto size = static_cast<int64_t>(numbers.size());
  PARE_ASSIGN_OR_RETURN(const at::Tensor tensor, guard_torch("numbers to be exchanged", [&] {
                          const at::Tensor host = at::empty({size}, at::TensorOptions(c10::kDouble));
                          std::copy(numbers.begin(), numbers.end(), host.data_ptr<double>());
                          return host.to(device());
                        }));
  PARE_RETURN_IF_ERROR(all_reduce(tensor, reduction));
  return guard_torch("numbers that were exchanged", [&] {
    const at::Tensor host = tensor.cpu();
    std::copy_n(host.data_ptr<double>(), size, numbers.begin());
  });
}

absl::Status ProcessGroup::barrier() {
  double number = 0.0;
  return reduce_numbers(absl::MakeSpan(&number, 1), Reduction::kSum);
}

absl::StatusOr<std::string> ProcessGroup::broadcast_bytes(std::string_view bytes, int root) {
  // A number below 2^53 is a double without loss.
  double length = rank() == root ? static_cast<double>(bytes.size()) : 0.0;
  PARE_RETURN_IF_ERROR(reduce_numbers(absl::MakeSpan(&length, 1), Reduction::kMax));
  const auto size = static_cast<int64_t>(length);
  if (size == 0) return std::string();
  PARE_ASSIGN_OR_RETURN(const at::Tensor tensor, guard_torch("bytes to be sent", [&] {
                          return to_tensor(rank() == root ? bytes : std::string_view(), size).to(device());
                        }));
  PARE_RETURN_IF_ERROR(broadcast(tensor, root));
  return guard_torch("bytes that were sent", [&] { return to_string(tensor, size); });
}

absl::StatusOr<std::vector<std::string>> ProcessGroup::gather_bytes(std::string_view bytes) {
  std::vector<double> lengths(size(), 0.0);
  lengths[rank()] = static_cast<double>(bytes.size());
  PARE_RETURN_IF_ERROR(reduce_numbers(absl::MakeSpan(lengths), Reduction::kSum));
  const auto longest = static_cast<int64_t>(*std::max_element(lengths.begin(), lengths.end()));
  if (longest == 0) return std::vector<std::string>(size());
  PARE_ASSIGN_OR_RETURN(const at::Tensor tensor,
                        guard_torch("bytes to be sent", [&] { return to_tensor(bytes, longest).to(device()); }));
  PARE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> gathered, all_gather(tensor));
  return guard_torch("bytes that were sent", [&] {
    std::vector<std::string> result;
    for (size_t i = 0; i < gathered.size(); ++i) {
      result.push_back(to_string(gathered[i], static_cast<int64_t>(lengths[i])));
    }
    return result;
  });
}

}  // namespace pare
