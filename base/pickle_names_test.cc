#include "base/pickle_names.h"

#include <gtest/gtest.h>

#include <string>

namespace pare {
namespace {

std::string repeated(const std::string& part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

TEST(PickleNamesTest, KnowsTypesAsLibTorchWritesThem) {
  for (const char* type :
       {"int", "List[int]", "Dict[str, List[Tensor]]", "Tuple[()]", "Optional[Tuple[Tensor, Optional[Tensor]]]",
        "Union[int, NoneType, str]", "List[__torch__.torch.nn.modules.conv.___torch_mangle_0.Conv2d]"}) {
    EXPECT_TRUE(is_type_text(type)) << type;
  }
  EXPECT_TRUE(is_type_text(repeated("List[", 100) + "int" + repeated("]", 100)));
  EXPECT_TRUE(is_type_text("Tuple[" + repeated("Tensor, ", 1000) + "int]"));
}

TEST(PickleNamesTest, RefusesExpressionsThatTheParserOfTypesTakes) {
  for (const std::string& type :
       {std::string(), std::string("-a"), std::string("a-b"), std::string("\"a\""), std::string("'a'"),
        std::string("\\\n"), std::string("a\0b", 3), std::string("not a"), std::string("a if b else c"),
        std::string("a "), std::string("{a}"), std::string("a\n"), std::string("a[b][c]"), std::string("a[b](c)"),
        std::string("a]"), std::string("a["), std::string("a[b] [c]"), std::string("a=b"), std::string("a:b")}) {
    EXPECT_FALSE(is_type_text(type)) << type;
  }
}

TEST(PickleNamesTest, RefusesTypesThatWouldExhaustTheParsersStack) {
  EXPECT_FALSE(is_type_text(repeated("List[", 101) + "int" + repeated("]", 101)));
  EXPECT_FALSE(is_type_text(repeated("(", 101) + repeated(")", 101)));
  EXPECT_FALSE(is_type_text("a" + repeated(".a", 500)));
  EXPECT_FALSE(is_type_text("Tuple[" + repeated("Tensor, ", 2000) + "int]"));
  EXPECT_FALSE(is_type_text(repeated("-", 99'990) + "a"));
}

TEST(PickleNamesTest, RefusesKeysThatNameAnotherRecord) {
  EXPECT_TRUE(is_storage_key("0"));
  EXPECT_TRUE(is_storage_key("94103123840.storage"));
  EXPECT_FALSE(is_storage_key(""));
  EXPECT_FALSE(is_storage_key(std::string("9\0", 2)));
  EXPECT_FALSE(is_storage_key("9\n"));
  EXPECT_FALSE(is_storage_key(std::string(1001, '9')));
}

TEST(PickleNamesTest, RefusesDevicesWithoutMemory) {
  EXPECT_TRUE(is_storage_device("cpu"));
  EXPECT_TRUE(is_storage_device("cuda:0"));
  EXPECT_FALSE(is_storage_device("meta"));
  EXPECT_FALSE(is_storage_device("meta:0"));
  EXPECT_FALSE(is_storage_device(""));
}

TEST(PickleNamesTest, LeavesCustomClassesAlone) {
  EXPECT_EQ(pickle_callable("__torch__.Net"), PickleCallable::kClass);
  EXPECT_EQ(pickle_callable("__torch__.torch.nn.Linear"), PickleCallable::kClass);
  EXPECT_EQ(pickle_callable("__torch__.torch.classes.quantized.Conv2dPackedParamsBase"), PickleCallable::kNone);
  EXPECT_EQ(pickle_callable("os.system"), PickleCallable::kNone);
}

}  // namespace
}  // namespace pare
