#include "export/onnx/input_dtypes.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace pare::exporters {

using graph::Graph;
using graph::Value;

std::vector<c10::ScalarType> guess_input_dtypes(const Graph& graph) {
  // Those whose result is whole where their input is, of whatever input.
  static const auto* movers = new std::set<std::string_view>{
      "aten::view",    "aten::reshape",      "aten::slice",     "aten::to",         "aten::expand",
      "aten::select",  "aten::squeeze",      "aten::flatten",   "aten::clone",      "aten::contiguous",
      "aten::detach",  "aten::long",         "aten::chunk",     "prim::ListUnpack", "aten::transpose",
      "aten::permute", "aten::unsqueeze",    "aten::add",       "aten::sub",        "aten::mul",
      "aten::rsub",    "aten::floor_divide", "aten::remainder", "aten::fmod",       "aten::clamp",
      "aten::neg",     "aten::clamp_min",    "aten::clamp_max", "aten::maximum",    "aten::minimum",
      "aten::abs",     "aten::where",        "aten::roll",      "aten::flip",       "aten::masked_fill",
      "aten::cat",     "aten::stack",        "aten::repeat",    "aten::narrow",     "aten::split",
      "aten::flatten", "aten::type_as",      "aten::cumsum",    "aten::t",          "prim::ListConstruct",
      "aten::unbind",  "aten::expand_as",    "aten::alias",     "aten::view_as",    "aten::reshape_as",
      "aten::add_",    "aten::sub_",         "aten::mul_",      "aten::clamp_",     "aten::int"};
  static const auto* indices = new std::map<std::string_view, size_t>{
      {"aten::embedding", 1}, {"aten::embedding_bag", 1}, {"aten::gather", 2},    {"aten::index_select", 2},
      {"aten::index", 1},     {"aten::scatter", 2},       {"aten::one_hot", 0},   {"aten::scatter_add", 2},
      {"aten::take", 1},      {"aten::index_add", 2},     {"aten::index_put", 1}, {"aten::index_put_", 1}};
  std::vector<c10::ScalarType> dtypes;
  for (const Value* input : graph.inputs()) {
    bool is_index = false;
    std::vector<const Value*> pending = {input};
    std::set<const Value*> seen = {input};
    while (!pending.empty() && !is_index) {
      const Value* value = pending.back();
      pending.pop_back();
      for (const graph::Use& use : value->uses()) {
        if (use.user == nullptr) continue;
        const auto reader = indices->find(use.user->op());
        if (reader != indices->end() && reader->second == use.index) is_index = true;
        if (movers->count(use.user->op()) == 0) continue;
        // A condition or a mask chooses, and is not what is chosen; of others only shape or dtype is read.
        static const auto* bystanders = new std::set<std::pair<std::string_view, size_t>>{
            {"aten::where", 0},     {"aten::masked_fill", 1}, {"aten::type_as", 1},
            {"aten::expand_as", 1}, {"aten::view_as", 1},     {"aten::reshape_as", 1}};
        if (bystanders->count({use.user->op(), use.index}) > 0) continue;
        for (const Value* output : use.user->outputs()) {
          if (seen.insert(output).second) pending.push_back(output);
        }
      }
    }
    dtypes.push_back(is_index ? c10::ScalarType::Long : c10::ScalarType::Float);
  }
  return dtypes;
}

}  // namespace pare::exporters
