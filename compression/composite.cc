#include "compression/composite.h"

#include <ATen/ops/add.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace pare {

namespace {

using Children = std::vector<std::unique_ptr<CompressionAlgorithm>>;

AlgorithmConfig config_of(const Children& children) {
  AlgorithmConfig config;
  if (!children.empty()) config.target_device = children[0]->config().target_device;
  config.name = "composite";
  config.path = "$.compression";
  return config;
}

class SummedLoss : public CompressionLoss {
 public:
  explicit SummedLoss(const Children& children) : children_(children) {}

  at::Tensor forward() override {
    at::Tensor sum;
    for (const auto& child : children_) {
      const at::Tensor loss = child->loss().forward();
      if (!loss.defined()) continue;
      sum = sum.defined() ? at::add(sum, loss) : loss;
    }
    return sum;
  }

  void set_sample_weight(double weight) override {
    for (const auto& child : children_) child->loss().set_sample_weight(weight);
  }

 private:
  const Children& children_;
};

class AllSchedulers : public CompressionScheduler {
 public:
  explicit AllSchedulers(const Children& children) : children_(children) {}

  void step(std::optional<int64_t> last) override {
    CompressionScheduler::step(last);
    for (const auto& child : children_) child->scheduler().step(last);
  }

  void epoch_step(std::optional<int64_t> last) override {
    CompressionScheduler::epoch_step(last);
    for (const auto& child : children_) child->scheduler().epoch_step(last);
  }

  int64_t epochs_needed() const override {
    int64_t most = 0;
    for (const auto& child : children_) most = std::max(most, child->scheduler().epochs_needed());
    return most;
  }

  double learning_rate_factor() const override {
    double factor = 1;
    for (const auto& child : children_) factor *= child->scheduler().learning_rate_factor();
    return factor;
  }

  double weight_decay_factor() const override {
    double factor = 1;
    for (const auto& child : children_) factor *= child->scheduler().weight_decay_factor();
    return factor;
  }

 private:
  const Children& children_;
};

}  // namespace

CompositeAlgorithm::CompositeAlgorithm(Children children)
    : CompressionAlgorithm(children.empty() ? nullptr : children[0]->model(), config_of(children),
                           children.empty() ? InputSize() : children[0]->input_size()),
      children_(std::move(children)),
      loss_(std::make_unique<SummedLoss>(children_)),
      scheduler_(std::make_unique<AllSchedulers>(children_)) {}

CompositeAlgorithm::~CompositeAlgorithm() = default;

std::vector<std::string> CompositeAlgorithm::names() const {
  std::map<std::string, int> counts;
  std::vector<std::string> names;
  for (const auto& child : children_) {
    const std::string& name = child->config().name;
    const int earlier = counts[name]++;
    names.push_back(earlier == 0 ? name : absl::StrCat(name, "_", earlier));
  }
  return names;
}

CompressionLoss& CompositeAlgorithm::loss() { return *loss_; }

CompressionScheduler& CompositeAlgorithm::scheduler() { return *scheduler_; }

absl::Status CompositeAlgorithm::distributed(const std::shared_ptr<ProcessGroup>& process_group) {
  for (const auto& child : children_) PARE_RETURN_IF_ERROR(child->distributed(process_group));
  return absl::OkStatus();
}

absl::Status CompositeAlgorithm::initialize(data::DataLoader& data_loader) {
  for (const auto& child : children_) PARE_RETURN_IF_ERROR(child->initialize(data_loader));
  return absl::OkStatus();
}

void CompositeAlgorithm::set_data_loader(data::DataLoader* data_loader) {
  for (const auto& child : children_) child->set_data_loader(data_loader);
}

CompressionStage CompositeAlgorithm::stage() const {
  if (children_.empty()) return CompressionStage::kUncompressed;
  const CompressionStage first = children_[0]->stage();
  for (const auto& child : children_) {
    if (child->stage() != first) return CompressionStage::kPartiallyCompressed;
  }
  return first;
}

Statistics CompositeAlgorithm::statistics() const {
  Statistics statistics;
  const std::vector<std::string> names = this->names();
  for (size_t i = 0; i < children_.size(); ++i) statistics.child(names[i]) = children_[i]->statistics();
  return statistics;
}

absl::StatusOr<CompressionAlgorithm*> CompositeAlgorithm::child_with_rate() const {
  std::vector<CompressionAlgorithm*> with_rate;
  std::vector<std::string> all, found;
  for (const auto& child : children_) {
    all.push_back(absl::StrCat(child->config().path, " (", child->config().name, ")"));
    if (!child->compression_rate().ok()) continue;
    with_rate.push_back(child.get());
    found.push_back(all.back());
  }
  if (with_rate.size() == 1) return with_rate[0];
  if (with_rate.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no method of the config has a compression rate to raise and lower: found ",
                     absl::StrJoin(all, " and "), "; magnitude_sparsity, rb_sparsity and filter_pruning have one"));
  }
  return absl::FailedPreconditionError(absl::StrCat("one method of the config has to have a compression rate, but ",
                                                    with_rate.size(), " have: ", absl::StrJoin(found, " and "),
                                                    "; which of them is to be raised cannot be told: take one out"));
}

absl::StatusOr<double> CompositeAlgorithm::compression_rate() const {
  PARE_ASSIGN_OR_RETURN(const CompressionAlgorithm* child, child_with_rate());
  return child->compression_rate();
}

absl::Status CompositeAlgorithm::set_compression_rate(double rate) {
  PARE_ASSIGN_OR_RETURN(CompressionAlgorithm * child, child_with_rate());
  return child->set_compression_rate(rate);
}

std::vector<Picture> CompositeAlgorithm::pictures() const {
  std::vector<Picture> pictures;
  const std::vector<std::string> names = this->names();
  for (size_t i = 0; i < children_.size(); ++i) {
    for (Picture& picture : children_[i]->pictures()) {
      pictures.push_back({absl::StrCat(names[i], "_", picture.name), std::move(picture.svg)});
    }
  }
  return pictures;
}

absl::Status CompositeAlgorithm::prepare_for_export() {
  std::vector<CompressionAlgorithm*> order;
  for (const auto& child : children_) order.push_back(child.get());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* one, const auto* other) { return one->export_phase() < other->export_phase(); });
  for (CompressionAlgorithm* child : order) PARE_RETURN_IF_ERROR(child->prepare_for_export());
  return absl::OkStatus();
}

nlohmann::json CompositeAlgorithm::state() const {
  nlohmann::json state = {{"scheduler", scheduler_->state()}, {"algorithms", nlohmann::json::object()}};
  const std::vector<std::string> names = this->names();
  for (size_t i = 0; i < children_.size(); ++i) state["algorithms"][names[i]] = children_[i]->state();
  return state;
}

absl::Status CompositeAlgorithm::check_state(const nlohmann::json& state) const {
  const auto damaged = [](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat("the state of a composite method: expected ", what,
                                                   "; the checkpoint is damaged or of another config"));
  };
  if (!state.is_object() || !state.contains("scheduler") || !state.contains("algorithms")) {
    return damaged("an object with the keys \"scheduler\" and \"algorithms\"");
  }
  const nlohmann::json& algorithms = state["algorithms"];
  const std::vector<std::string> names = this->names();
  if (!algorithms.is_object() || algorithms.size() != names.size()) {
    return damaged(absl::StrCat("the states of ", names.size(), " methods"));
  }
  for (const std::string& name : names) {
    if (!algorithms.contains(name)) return damaged(absl::StrCat("one for the method \"", name, "\""));
  }
  return absl::OkStatus();
}

absl::Status CompositeAlgorithm::prepare_for_state(const nlohmann::json& state) {
  PARE_RETURN_IF_ERROR(check_state(state));
  const std::vector<std::string> names = this->names();
  for (size_t i = 0; i < children_.size(); ++i) {
    PARE_RETURN_IF_ERROR(children_[i]->prepare_for_state(state["algorithms"][names[i]]));
  }
  return absl::OkStatus();
}

absl::Status CompositeAlgorithm::set_state(const nlohmann::json& state) {
  PARE_RETURN_IF_ERROR(check_state(state));
  const std::vector<std::string> names = this->names();
  PARE_RETURN_IF_ERROR(scheduler_->set_state(state["scheduler"]));
  for (size_t i = 0; i < children_.size(); ++i) {
    PARE_RETURN_IF_ERROR(children_[i]->set_state(state["algorithms"][names[i]]));
  }
  return absl::OkStatus();
}

CompressionAlgorithm::StateTensors CompositeAlgorithm::state_tensors() const {
  StateTensors tensors;
  const std::vector<std::string> names = this->names();
  for (size_t i = 0; i < children_.size(); ++i) {
    for (auto& [name, tensor] : children_[i]->state_tensors()) {
      tensors[absl::StrCat(names[i], "/", name)] = std::move(tensor);
    }
  }
  return tensors;
}

absl::Status CompositeAlgorithm::set_state_tensors(const StateTensors& tensors) {
  const std::vector<std::string> names = this->names();
  std::vector<StateTensors> of_children(children_.size());
  for (const auto& [name, tensor] : tensors) {
    const size_t slash = name.find('/');
    const auto child = std::find(names.begin(), names.end(), name.substr(0, slash));
    if (slash == std::string::npos || child == names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the state of a composite method: it has no method for the tensor ", name,
                       "; the checkpoint is of another config"));
    }
    of_children[static_cast<size_t>(child - names.begin())][name.substr(slash + 1)] = tensor;
  }
  for (size_t i = 0; i < children_.size(); ++i) PARE_RETURN_IF_ERROR(children_[i]->set_state_tensors(of_children[i]));
  return absl::OkStatus();
}

void CompositeAlgorithm::scale_gradients() {
  for (const auto& child : children_) child->scale_gradients();
}

}  // namespace pare
