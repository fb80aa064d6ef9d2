#include "data/random_loader.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>

#include <limits>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "data/random.h"

namespace pare::data {
namespace {

constexpr uint32_t kRandomBatches = 3;  // StreamName::what
constexpr int64_t kMostValues = int64_t{1} << 31;

absl::Status check_input(const RandomInput& input, size_t number) {
  const std::string what = absl::StrCat("random data: input ", number, " of shape ", absl::StrJoin(input.shape, ","));
  if (input.shape.empty()) return absl::InvalidArgumentError(absl::StrCat(what, ": at least the batch is needed"));
  int64_t values = 1;
  for (int64_t dimension : input.shape) {
    if (dimension < 1) return absl::InvalidArgumentError(absl::StrCat(what, ": each dimension must be at least 1"));
    if (dimension > kMostValues / values) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": more than ", kMostValues, " values"));
    }
    values *= dimension;
  }
  if (input.kind == RandomInput::kNormal) return absl::OkStatus();
  // Beyond, int64 cannot hold them.
  const double bound = input.kind == RandomInput::kIntegers ? 0x1p62 : std::numeric_limits<float>::max() / 2;
  if (!(input.low < input.high && input.low >= -bound && input.high <= bound)) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": numbers from ", input.low, " to ", input.high, ", but low < high is needed"));
  }
  return absl::OkStatus();
}

at::Tensor draw(const RandomInput& input, const at::Generator& generator) {
  const bool integers = input.kind == RandomInput::kIntegers;
  at::Tensor tensor = at::empty(input.shape, integers ? at::kLong : at::kFloat);
  if (integers) return tensor.random_(static_cast<int64_t>(input.low), static_cast<int64_t>(input.high), generator);
  if (input.kind == RandomInput::kUniform) return tensor.uniform_(input.low, input.high, generator);
  return tensor.normal_(0, 1, generator);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RandomLoader>> RandomLoader::create(const RandomLoaderOptions& options) {
  if (options.inputs.empty()) return absl::InvalidArgumentError("random data: no inputs are given");
  for (size_t i = 0; i < options.inputs.size(); ++i) {
    PARE_RETURN_IF_ERROR(check_input(options.inputs[i], i));
    if (options.inputs[i].shape[0] != options.inputs[0].shape[0]) {
      return absl::InvalidArgumentError(absl::StrCat("random data: input ", i, " has a batch of ",
                                                     options.inputs[i].shape[0], ", input 0 one of ",
                                                     options.inputs[0].shape[0]));
    }
  }
  if (options.num_batches < 1 || options.num_classes < 1) {
    return absl::InvalidArgumentError(absl::StrCat("random data: num_batches is ", options.num_batches,
                                                   " and num_classes ", options.num_classes,
                                                   ", but each must be at least 1"));
  }
  return absl::WrapUnique(new RandomLoader(options));
}

RandomLoader::RandomLoader(const RandomLoaderOptions& options) : options_(options), given_(options.num_batches) {}

absl::Status RandomLoader::start_epoch(int64_t epoch) {
  if (epoch < 0) return absl::InvalidArgumentError(absl::StrCat("random data: epoch ", epoch, "; they count from 0"));
  epoch_ = epoch;
  given_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Batch>> RandomLoader::next() {
  if (given_ == options_.num_batches) return std::nullopt;
  RandomStream random(options_.seed, {kRandomBatches, static_cast<uint32_t>(epoch_), static_cast<uint64_t>(given_)});
  PARE_ASSIGN_OR_RETURN(
      Batch batch, guard_torch("random data", [&] {
        const uint64_t high = random.next();
        const at::Generator generator = at::detail::createCPUGenerator(high << 32 | random.next());
        Batch drawn;
        for (const RandomInput& input : options_.inputs) drawn.inputs.push_back(draw(input, generator));
        drawn.targets =
            draw({{batch_size()}, RandomInput::kIntegers, 0, static_cast<double>(options_.num_classes)}, generator);
        return drawn;
      }));
  ++given_;
  return std::optional<Batch>(std::move(batch));
}

}  // namespace pare::data
