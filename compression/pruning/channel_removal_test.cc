#include "compression/pruning/channel_removal.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "compression/analysis/test_net.h"
#include "gmock/gmock.h"
#include "graph/validate.h"

namespace pare::pruning {
namespace {

using c10::IValue;
using graph::Value;
using ::testing::HasSubstr;

class RemovalTest : public ::testing::Test {
 protected:
  // x [B, 3, 9, 9] -> one (3 -> 8) -> relu -> end (8 -> 2)
  void make() {
    net_.output(net_.conv("end", net_.relu("r", net_.conv("one", net_.input("x"), 3, 8)), 8, 2));
    finish();
  }
  void finish() {
    model_ = std::make_unique<graph::Model>(net_.take_graph());
    at::manual_seed(2);
    for (at::Tensor parameter : model_->parameters()) parameter.normal_().set_requires_grad(true);
  }
  Value* find(const std::string& name) { return model_->graph().find_parameter(name); }
  absl::Status remove(const std::vector<ChannelIndex>& channels) {
    return remove_channels(*model_, {{2, 3, 9, 9}}, channels, {});
  }
  at::Tensor run() { return *model_->forward_tensor({at::arange(2 * 3 * 81).reshape({2, 3, 9, 9}).sin()}); }

  TestNet net_;
  std::unique_ptr<graph::Model> model_;
};

TEST_F(RemovalTest, CutsBothSidesAndKeepsTheRest) {
  make();
  const at::Tensor one = find("one.weight")->tensor().detach().clone();
  {
    const at::NoGradGuard no_grad;
    find("end.weight")->tensor().select(1, 2).zero_();
    find("end.weight")->tensor().select(1, 5).zero_();
  }
  const at::Tensor before = run();
  ASSERT_TRUE(remove({{find("one.weight"), 0, 2}, {find("end.weight"), 1, 5}}).ok());
  EXPECT_TRUE(graph::validate(model_->graph()).ok());
  EXPECT_EQ(find("one.weight")->tensor().sizes(), (at::IntArrayRef{6, 3, 3, 3}));
  EXPECT_EQ(find("end.weight")->tensor().sizes(), (at::IntArrayRef{2, 6, 3, 3}));
  EXPECT_TRUE(
      at::equal(find("one.weight")->tensor().detach(), one.index_select(0, at::tensor({0, 1, 3, 4, 6, 7}, at::kLong))));
  EXPECT_TRUE(find("one.weight")->tensor().is_leaf() && find("one.weight")->tensor().requires_grad());
  EXPECT_TRUE(at::allclose(run(), before, 1e-5, 1e-5));
}

TEST_F(RemovalTest, RefusesWhatIsNeededAndLeavesTheModelAsItIs) {
  make();
  const at::Tensor before = run();
  EXPECT_THAT(remove({{find("end.weight"), 0, 1}}).message(), HasSubstr("index 1 of axis 0 of end.weight"));
  EXPECT_THAT(remove({{find("one.weight"), 0, 8}}).message(), HasSubstr("there is no index 8"));
  EXPECT_THAT(remove({{find("one.weight"), 1, 0}}).message(), HasSubstr("cannot be removed"));
  std::vector<ChannelIndex> all;
  for (int64_t i = 0; i < 8; ++i) all.push_back({find("one.weight"), 0, i});
  EXPECT_THAT(remove(all).message(), HasSubstr("nothing would be left of axis 0 of one.weight"));
  EXPECT_TRUE(at::equal(run(), before));
}

TEST_F(RemovalTest, AChunkOfUnevenPartsBecomesASplitBySizes) {
  Value* one = net_.conv("one", net_.input("x"), 3, 8);
  graph::Node* chunk = net_.node("chunk", "aten::chunk", "",
                                 {{"self", one}, {"chunks", IValue(int64_t{2})}, {"dim", IValue(int64_t{1})}});
  graph::Node* parts = net_.graph().add_structure("prim::ListUnpack", {chunk->output()}, 2, {}).value();
  net_.output(net_.add("add", net_.conv("a", parts->output(0), 4, 2), net_.conv("b", parts->output(1), 4, 2)));
  finish();
  const Value* one_weight = find("one.weight");
  ASSERT_TRUE(remove({{one_weight, 0, 1}, {one_weight, 0, 2}, {one_weight, 0, 7}}).ok());
  EXPECT_EQ(find("a.weight")->tensor().size(1), 2);
  EXPECT_EQ(find("b.weight")->tensor().size(1), 3);
  EXPECT_NE(model_->graph().find_node("chunk/aten::split_with_sizes"), nullptr);
  EXPECT_EQ(model_->graph().find_node("chunk/aten::chunk"), nullptr);
  EXPECT_EQ(run().sizes(), (at::IntArrayRef{2, 2, 5, 5}));
  // And once more: now by its own sizes.
  ASSERT_TRUE(remove({{one_weight, 0, 0}}).ok());
  EXPECT_EQ(find("a.weight")->tensor().size(1), 1);
}

TEST_F(RemovalTest, SizesInListsAndPadsAndSlicesFollow) {
  Value* one = net_.conv("one", net_.input("x"), 3, 8);
  const auto number = [&](int64_t value) { return net_.graph().add_constant(value); };
  graph::Node* size =
      net_.graph()
          .add_structure("prim::ListConstruct", {number(-1), number(8), number(49)}, 1, {}, c10::IntType::get())
          .value();
  Value* flat = net_.op("v", "aten::view", "", {{"self", one}, {"size", size->output()}});
  Value* back =
      net_.op("w", "aten::reshape", "", {{"self", flat}, {"shape", IValue(std::vector<int64_t>{-1, 8, 7, 7})}});
  Value* part = net_.op(
      "slice", "aten::slice", "Tensor",
      {{"self", back}, {"dim", IValue(int64_t{1})}, {"start", IValue(int64_t{2})}, {"end", IValue(int64_t{6})}});
  Value* padded = net_.op("pad", "aten::constant_pad_nd", "",
                          {{"self", part}, {"pad", IValue(std::vector<int64_t>{0, 0, 0, 0, 2, 2})}});
  net_.output(net_.conv("end", net_.add("add", back, padded), 8, 2));
  finish();
  ASSERT_TRUE(remove({{find("one.weight"), 0, 1}, {find("one.weight"), 0, 3}}).ok());
  EXPECT_EQ(find("end.weight")->tensor().size(1), 6);
  EXPECT_EQ(run().sizes(), (at::IntArrayRef{2, 2, 5, 5}));
}

TEST_F(RemovalTest, NothingToRemoveIsFine) {
  make();
  EXPECT_TRUE(remove({}).ok());
}

}  // namespace
}  // namespace pare::pruning
