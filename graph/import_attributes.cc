#include "graph/import_attributes.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/class_type.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/clone.h>
#include <torch/csrc/jit/api/module.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"

namespace pare::graph {

namespace {

std::string class_of(const c10::ivalue::Object& object) {
  const auto name = object.type()->name();
  return name.has_value() ? name->name() : "";
}

bool is_same_tensor(const at::Tensor& a, const at::Tensor& b) {
  return a.storage_offset() == b.storage_offset() && a.sizes() == b.sizes() && a.strides() == b.strides() &&
         a.scalar_type() == b.scalar_type();
}

// Another list with the same elements.
ImportValue copy_of(const ImportValue& value) {
  if (value.container == nullptr) return value;
  ImportValue copy = value;
  copy.container = std::make_shared<ImportValue::Container>(*value.container);
  for (ImportValue& element : copy.container->elements) element = copy_of(element);
  return copy;
}

bool is_same(const ImportValue& a, const ImportValue& b) {
  if (a.kind != b.kind || a.value != b.value) return false;
  if (a.container == nullptr) return a.kind != ImportValue::Kind::kConstant || a.known.is(b.known);
  const auto &first = a.container->elements, &second = b.container->elements;
  return first.size() == second.size() && a.container->keys.size() == b.container->keys.size() &&
         std::equal(first.begin(), first.end(), second.begin(), is_same) &&
         std::equal(a.container->keys.begin(), a.container->keys.end(), b.container->keys.begin());
}

}  // namespace

absl::StatusOr<ImportAttributes> ImportAttributes::create(Graph& graph, const torch::jit::Module& module, bool copy) {
  ImportAttributes attributes(graph);
  const auto object = module._ivalue();
  NodePlace place;
  place.scope_types.push_back(class_of(*object));
  PARE_RETURN_IF_ERROR(attributes.add_module(object.get(), place, copy));
  return attributes;
}

absl::Status ImportAttributes::add_module(const c10::ivalue::Object* object, const NodePlace& place, bool copy) {
  if (!places_.emplace(object, place).second) return absl::OkStatus();  // reached on another path before
  const c10::ClassTypePtr type = object->type();
  for (size_t i = 0; i < type->numAttributes(); ++i) {
    const c10::IValue& value = object->getSlot(i);
    const std::string name = type->getAttributeName(i);
    if (!value.isTensor() || !value.toTensor().defined()) continue;
    PARE_RETURN_IF_ERROR(add_tensor({object, name}, place.scope.empty() ? name : absl::StrCat(place.scope, ".", name),
                                    value.toTensor(), type->is_parameter(i), copy));
  }
  for (size_t i = 0; i < type->numAttributes(); ++i) {
    const c10::IValue& value = object->getSlot(i);
    if (!value.isObject() || !value.toObjectRef().type()->is_module()) continue;
    const std::string& name = type->getAttributeName(i);
    NodePlace child = place;
    child.scope = place.scope.empty() ? name : absl::StrCat(place.scope, ".", name);
    child.scope_types.push_back(class_of(value.toObjectRef()));
    PARE_RETURN_IF_ERROR(add_module(&value.toObjectRef(), child, copy));
  }
  return absl::OkStatus();
}

absl::Status ImportAttributes::add_tensor(const Key& key, const std::string& name, const at::Tensor& tensor,
                                          bool is_parameter, bool copy) {
  if (!tensor.has_storage() || tensor.is_quantized() || tensor.layout() != c10::kStrided) {
    return absl::UnimplementedError(absl::StrCat(
        name,
        " is not a dense tensor of numbers (it is quantized, sparse or of another layout): import the model "
        "before it is quantized"));
  }
  if (Value* known = find_tensor(tensor); known != nullptr && known->is_parameter() == is_parameter) {
    values_.emplace(key, ImportValue::of_graph(known));
    return absl::OkStatus();
  }
  at::Tensor own = tensor;
  if (copy) {
    PARE_ASSIGN_OR_RETURN(own, guard_torch(name, [&] {
                            at::NoGradGuard no_grad;
                            const at::Tensor detached = tensor.detach();
                            at::Tensor made = detached.device().is_cpu() ? at::clone(detached) : detached.cpu();
                            return made.set_requires_grad(tensor.requires_grad());
                          }));
  }
  PARE_ASSIGN_OR_RETURN(Value * value, is_parameter ? graph_->add_parameter(name, std::move(own))
                                                    : graph_->add_buffer(name, std::move(own)));
  by_storage_[tensor.storage().data()].push_back(tensors_.size());
  tensors_.emplace_back(tensor, value);
  values_.emplace(key, ImportValue::of_graph(value));
  return absl::OkStatus();
}

Value* ImportAttributes::find_tensor(const at::Tensor& tensor) const {
  if (!tensor.defined() || !tensor.has_storage() || tensor.numel() == 0) return nullptr;
  const auto candidates = by_storage_.find(tensor.storage().data());
  if (candidates == by_storage_.end()) return nullptr;
  for (const size_t index : candidates->second) {
    if (is_same_tensor(tensor, tensors_[index].first)) return tensors_[index].second;
  }
  return nullptr;
}

// Parameters that a module also keeps in a list (recurrent networks do) are the parameters there too.
void ImportAttributes::find_tensors(ImportValue& value) const {
  if (value.container != nullptr) {
    for (ImportValue& element : value.container->elements) find_tensors(element);
  } else if (value.kind == ImportValue::Kind::kConstant && value.known.isTensor()) {
    Value* found = find_tensor(value.known.toTensor());
    if (found != nullptr) value = ImportValue::of_graph(found);
  }
}

absl::StatusOr<ImportValue> ImportAttributes::get(const c10::ivalue::Object* object, const std::string& name) {
  const Key key(object, name);
  read_.insert(key);
  if (const auto found = values_.find(key); found != values_.end()) return found->second;
  const auto slot = object->type()->findAttributeSlot(name);
  if (!slot.has_value()) {
    const auto constant = object->type()->findConstantSlot(name);
    if (constant.has_value()) return ImportValue::constant(object->type()->getConstant(*constant));
    return absl::InvalidArgumentError(
        absl::StrCat("an object of class ", class_of(*object), " has no attribute ", name));
  }
  const bool is_mode = name == "training" && object->type()->is_module();
  ImportValue value = ImportValue::constant(is_mode ? c10::IValue(false) : object->getSlot(*slot));
  find_tensors(value);
  if (value.container != nullptr) lists_.emplace(key, std::make_pair(value, copy_of(value)));
  // Kept, so that all who read it share a list.
  return values_.emplace(key, std::move(value)).first->second;
}

absl::Status ImportAttributes::set(const c10::ivalue::Object* object, const std::string& name, ImportValue value) {
  const Key key(object, name);
  if (places_.count(object) > 0 && read_.count(key) > 0) {
    return absl::UnimplementedError(absl::StrCat(
        "the model keeps a state of its own from one call to the next: it reads and then changes the attribute ", name,
        "; make it an input and an output"));
  }
  values_[key] = std::move(value);
  return absl::OkStatus();
}

absl::Status ImportAttributes::check_lists() const {
  for (const auto& [key, list] : lists_) {
    if (is_same(list.first, list.second)) continue;
    return absl::UnimplementedError(absl::StrCat(
        "the model keeps a state of its own from one call to the next: it changes the list or dict in attribute ",
        key.second, "; make it a variable of forward, or an input and an output"));
  }
  return absl::OkStatus();
}

NodePlace ImportAttributes::place_of(const c10::ivalue::Object* object, const NodePlace& otherwise) const {
  const auto found = places_.find(object);
  return found == places_.end() ? otherwise : found->second;
}

}  // namespace pare::graph
