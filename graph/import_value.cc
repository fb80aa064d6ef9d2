#include "graph/import_value.h"

#include <ATen/core/Dict.h>
#include <ATen/core/List.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace pare::graph {

namespace {

using Values = std::vector<ImportValue>;
using Result = absl::StatusOr<std::optional<Values>>;
using Kind = ImportValue::Kind;

std::optional<int64_t> known_int(const ImportValue& value) {
  if (value.kind != Kind::kConstant || !value.known.isInt()) return std::nullopt;
  return value.known.toInt();
}

Result one(ImportValue value) { return std::optional<Values>(Values{std::move(value)}); }

Result nothing() { return std::optional<Values>(Values{}); }

Result not_mine() { return std::optional<Values>(); }

// An index as Python has them, from the end if negative.
absl::StatusOr<size_t> position_of(int64_t index, size_t size) {
  const int64_t position = index < 0 ? index + static_cast<int64_t>(size) : index;
  if (position < 0 || position >= static_cast<int64_t>(size)) {
    return absl::InvalidArgumentError(absl::StrCat("index ", index, " of a list or tuple of ", size));
  }
  return static_cast<size_t>(position);
}

Result get_item(const Values& inputs) {
  const ImportValue& container = inputs[0];
  const auto index = known_int(inputs[1]);
  if (!index.has_value()) return not_mine();
  const auto position = position_of(*index, container.container->elements.size());
  if (!position.ok()) return position.status();
  return one(container.container->elements[*position]);
}

Result set_item(const Values& inputs) {
  const auto index = known_int(inputs[1]);
  if (!index.has_value()) return not_mine();
  const auto position = position_of(*index, inputs[0].container->elements.size());
  if (!position.ok()) return position.status();
  inputs[0].container->elements[*position] = inputs[2];
  return one(inputs[0]);
}

Result pop(const Values& inputs) {
  const auto index = inputs.size() > 1 ? known_int(inputs[1]) : std::optional<int64_t>(-1);
  if (!index.has_value()) return not_mine();
  Values& elements = inputs[0].container->elements;
  const auto position = position_of(*index, elements.size());
  if (!position.ok()) return position.status();
  ImportValue element = elements[*position];
  elements.erase(elements.begin() + static_cast<int64_t>(*position));
  return one(std::move(element));
}

Result insert(const Values& inputs) {
  const auto index = known_int(inputs[1]);
  if (!index.has_value()) return not_mine();
  Values& elements = inputs[0].container->elements;
  const int64_t size = static_cast<int64_t>(elements.size());
  const int64_t position = std::clamp<int64_t>(*index < 0 ? *index + size : *index, 0, size);
  elements.insert(elements.begin() + position, inputs[2]);
  return nothing();
}

Result slice(const Values& inputs) {
  const Values& elements = inputs[0].container->elements;
  const int64_t size = static_cast<int64_t>(elements.size());
  const auto bound = [&](size_t input, int64_t otherwise) -> std::optional<int64_t> {
    if (input >= inputs.size() || inputs[input].is_none()) return otherwise;
    const auto given = known_int(inputs[input]);
    if (!given.has_value()) return std::nullopt;
    return std::clamp<int64_t>(*given < 0 ? *given + size : *given, 0, size);
  };
  const auto start = bound(1, 0), end = bound(2, size);
  const auto step = inputs.size() > 3 ? known_int(inputs[3]) : std::optional<int64_t>(1);
  if (!start.has_value() || !end.has_value() || !step.has_value() || *step <= 0) return not_mine();
  Values taken;
  for (int64_t i = *start; i < *end; i += *step) taken.push_back(elements[static_cast<size_t>(i)]);
  return one(inputs[0].kind == Kind::kTuple ? ImportValue::tuple(nullptr, std::move(taken))
                                            : ImportValue::list(inputs[0].container->type, std::move(taken)));
}

Result concatenate(const Values& inputs) {
  if (inputs[1].kind != Kind::kList) return not_mine();
  Values elements = inputs[0].container->elements;
  elements.insert(elements.end(), inputs[1].container->elements.begin(), inputs[1].container->elements.end());
  return one(ImportValue::list(inputs[0].container->type, std::move(elements)));
}

Result extend(const Values& inputs) {
  if (inputs[1].kind != Kind::kList) return not_mine();
  const Values added = inputs[1].container->elements;  // a copy: a list may be added to itself
  Values& elements = inputs[0].container->elements;
  elements.insert(elements.end(), added.begin(), added.end());
  return one(inputs[0]);
}

Result repeat(const Values& inputs) {
  const auto times = known_int(inputs[1]);
  constexpr int64_t kMostElements = int64_t{1} << 24;
  if (!times.has_value()) return not_mine();
  const Values& elements = inputs[0].container->elements;
  if (*times > kMostElements / std::max<int64_t>(1, static_cast<int64_t>(elements.size()))) {
    return absl::InvalidArgumentError(absl::StrCat("a list of ", elements.size(), " repeated ", *times, " times"));
  }
  Values repeated;
  for (int64_t i = 0; i < *times; ++i) repeated.insert(repeated.end(), elements.begin(), elements.end());
  return one(ImportValue::list(inputs[0].container->type, std::move(repeated)));
}

Result unpack(const Values& inputs, size_t num_outputs) {
  const Values& elements = inputs[0].container->elements;
  if (elements.size() != num_outputs) {
    return absl::InvalidArgumentError(absl::StrCat("unpacking ", elements.size(), " values into ", num_outputs));
  }
  return std::optional<Values>(elements);
}

Result run_sequence_operator(std::string_view op, const Values& inputs, size_t num_outputs) {
  Values& elements = inputs[0].container->elements;
  if (op == "prim::ListUnpack" || op == "prim::TupleUnpack") return unpack(inputs, num_outputs);
  if (op == "aten::__getitem__" || op == "prim::TupleIndex") return get_item(inputs);
  if (op == "aten::len") return one(ImportValue::constant(static_cast<int64_t>(elements.size())));
  if (op == "aten::slice") return slice(inputs);
  if (inputs[0].kind != Kind::kList) return not_mine();
  if (op == "aten::append") {
    elements.push_back(inputs[1]);
    return one(inputs[0]);
  }
  if (op == "aten::add") return concatenate(inputs);
  if (op == "aten::add_") return extend(inputs);
  if (op == "aten::extend") {
    const Result extended = extend(inputs);
    return extended.ok() && extended->has_value() ? nothing() : extended;
  }
  if (op == "aten::mul") return repeat(inputs);
  if (op == "aten::_set_item") return set_item(inputs);
  if (op == "aten::pop") return pop(inputs);
  if (op == "aten::insert") return insert(inputs);
  if (op == "aten::clear") {
    elements.clear();
    return nothing();
  }
  if (op == "aten::reverse") {
    std::reverse(elements.begin(), elements.end());
    return nothing();
  }
  if (op == "aten::list" || op == "aten::copy") return one(ImportValue::list(inputs[0].container->type, elements));
  return not_mine();
}

Result run_dict_operator(std::string_view op, const Values& inputs) {
  ImportValue::Container& dict = *inputs[0].container;
  if (op == "aten::len") return one(ImportValue::constant(static_cast<int64_t>(dict.keys.size())));
  const auto dict_type = dict.type->expect<c10::DictType>();
  if (op == "aten::keys") {
    Values keys;
    for (const c10::IValue& key : dict.keys) keys.push_back(ImportValue::constant(key));
    return one(ImportValue::list(c10::ListType::create(dict_type->getKeyType()), std::move(keys)));
  }
  if (op == "aten::values") {
    return one(ImportValue::list(c10::ListType::create(dict_type->getValueType()), dict.elements));
  }
  const auto item_type = c10::TupleType::create({dict_type->getKeyType(), dict_type->getValueType()});
  if (op == "aten::items") {
    Values items;
    for (size_t i = 0; i < dict.keys.size(); ++i) {
      items.push_back(ImportValue::tuple(item_type, {ImportValue::constant(dict.keys[i]), dict.elements[i]}));
    }
    return one(ImportValue::list(c10::ListType::create(item_type), std::move(items)));
  }
  if (inputs.size() < 2 || inputs[1].kind != Kind::kConstant) return not_mine();
  const auto found = std::find(dict.keys.begin(), dict.keys.end(), inputs[1].known);
  const size_t index = static_cast<size_t>(found - dict.keys.begin());
  const bool exists = found != dict.keys.end();
  if (op == "aten::__contains__") return one(ImportValue::constant(exists));
  if (op == "aten::get") {
    if (exists) return one(dict.elements[index]);
    return one(inputs.size() > 2 ? inputs[2] : ImportValue::constant(c10::IValue()));
  }
  if (op == "aten::__getitem__") {
    if (!exists) {
      std::ostringstream key;
      key << inputs[1].known;
      return absl::InvalidArgumentError(absl::StrCat("a dict has no key ", key.str()));
    }
    return one(dict.elements[index]);
  }
  if (op == "aten::_set_item") {
    if (exists) {
      dict.elements[index] = inputs[2];
    } else {
      dict.keys.push_back(inputs[1].known);
      dict.elements.push_back(inputs[2]);
    }
    return nothing();
  }
  return not_mine();
}

ImportValue make_container(Kind kind, c10::TypePtr type, Values elements) {
  ImportValue result;
  result.kind = kind;
  result.container = std::make_shared<ImportValue::Container>();
  result.container->type = std::move(type);
  result.container->elements = std::move(elements);
  return result;
}

}  // namespace

ImportValue ImportValue::constant(c10::IValue value) {
  if (value.isTuple()) {
    Values elements;
    for (const c10::IValue& element : value.toTupleRef().elements()) elements.push_back(constant(element));
    return tuple(nullptr, std::move(elements));
  }
  if (value.isList()) {
    Values elements;
    const c10::List<c10::IValue> values = value.toList();
    for (size_t i = 0; i < values.size(); ++i) elements.push_back(constant(values.get(i)));
    return list(c10::ListType::create(values.elementType()), std::move(elements));
  }
  if (value.isGenericDict()) {
    const auto dict = value.toGenericDict();
    ImportValue result = make_container(Kind::kDict, c10::DictType::create(dict.keyType(), dict.valueType()), {});
    for (const auto& entry : dict) {
      result.container->keys.push_back(entry.key());
      result.container->elements.push_back(constant(entry.value()));
    }
    return result;
  }
  ImportValue result;
  result.kind = Kind::kConstant;
  result.known = std::move(value);
  return result;
}

ImportValue ImportValue::of_graph(Value* value) {
  ImportValue result;
  result.kind = Kind::kGraph;
  result.value = value;
  return result;
}

ImportValue ImportValue::list(c10::TypePtr list_type, std::vector<ImportValue> elements) {
  return make_container(Kind::kList, std::move(list_type), std::move(elements));
}

ImportValue ImportValue::tuple(c10::TypePtr tuple_type, std::vector<ImportValue> elements) {
  return make_container(Kind::kTuple, std::move(tuple_type), std::move(elements));
}

std::optional<c10::IValue> ImportValue::to_ivalue() const {
  if (kind == Kind::kConstant) return known;
  if (container == nullptr) return std::nullopt;
  std::vector<c10::IValue> elements;
  elements.reserve(container->elements.size());
  for (const ImportValue& element : container->elements) {
    std::optional<c10::IValue> value = element.to_ivalue();
    if (!value.has_value()) return std::nullopt;
    elements.push_back(*std::move(value));
  }
  if (kind == Kind::kTuple) return c10::ivalue::Tuple::create(std::move(elements));
  if (kind == Kind::kList) {
    c10::impl::GenericList list(container->type->expect<c10::ListType>()->getElementType());
    list.reserve(elements.size());
    for (c10::IValue& element : elements) list.push_back(std::move(element));
    return c10::IValue(std::move(list));
  }
  const auto type = container->type->expect<c10::DictType>();
  c10::impl::GenericDict dict(type->getKeyType(), type->getValueType());
  for (size_t i = 0; i < elements.size(); ++i) dict.insert_or_assign(container->keys[i], elements[i]);
  return c10::IValue(std::move(dict));
}

absl::StatusOr<std::optional<std::vector<ImportValue>>> run_container_operator(std::string_view op,
                                                                               const std::vector<ImportValue>& inputs,
                                                                               size_t num_outputs) {
  if (inputs.empty() || inputs[0].container == nullptr) return not_mine();
  return inputs[0].kind == Kind::kDict ? run_dict_operator(op, inputs) : run_sequence_operator(op, inputs, num_outputs);
}

}  // namespace pare::graph
