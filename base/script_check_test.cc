#include "base/script_check.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pare {
namespace {

absl::Status status(const std::string& text) { return check_script(text, "code").status(); }
std::string error(const std::string& text) { return std::string(status(text).message()); }
bool says(const std::string& error, const std::string& words) { return error.find(words) != std::string::npos; }

constexpr char kClass[] =
    "class Conv2d(Module):\n"
    "  __parameters__ = [\"weight\", \"bias\", ]\n"
    "  __buffers__ = []\n"
    "  __annotations__ = []\n"
    "  __annotations__[\"0\"] = __torch__.net.___torch_mangle_1.Block\n"
    "  weight : Tensor\n"
    "  bias : Optional[Tensor]\n"
    "  padding : Final[Tuple[int, int]] = (0, 0)\n"
    "  nothing : Final[Tuple[()]] = ()\n"
    "  slope : Final[float] = -1.0000000000000001e-05\n"
    "  highest : Final[float] = inf\n"
    "  lowest : Final[float] = float(\"-inf\")\n"
    "  device : Final[Device] = torch.device(\"cpu\")\n"
    "  names : Final[Dict[str, List[int]]] = {\"a\": [1, 2], \"b\": annotate(List[int], [])}\n"
    "  def forward(self: __torch__.net.Conv2d,\n"
    "    x: Tensor,\n"
    "    training: bool=False,\n"
    "    mode: __torch__.net.Mode=__torch__.net.Mode.NEAREST,\n"
    "    scale: Optional[List[float]]=None) -> Tuple[Tensor, Dict[str, Tensor]]:\n"
    "    _0 = torch.conv2d(x, self.weight, None, [1, 1])\n"
    "    if training:\n"
    "      pass\n"
    "    else:\n"
    "      pass\n"
    "    def inner(y: Tensor) -> Tensor:\n"
    "      return torch.add(y, CONSTANTS.c0)\n"
    "    return _0\n";

TEST(ScriptCheck, PassesWhatLibTorchWrites) {
  EXPECT_EQ(error(kClass), "");
  EXPECT_EQ(error(std::string(kClass) + kClass), "");
  EXPECT_EQ(error("op_version_set = 1\nimport __torch__.a.b\ndef f(x: int, *, y: int=1) -> int:\n  return x\n"), "");
  EXPECT_EQ(error("class P(NamedTuple):\n  x : Tensor\n  y : int\n"), "");
  EXPECT_EQ(error("class I(ModuleInterface):\n  def forward(self, x: Tensor) -> Tensor:\n    pass\n"), "");
  EXPECT_EQ(error(""), "");
}

TEST(ScriptCheck, FindsEnumClasses) {
  const auto found =
      check_script("class Colour(Enum):\n  RED = 1\n  BLUE = \"b\"\nclass Net(Module):\n  pass\n", "code");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->enum_classes, std::set<std::string>{"Colour"});
}

TEST(ScriptCheck, RefusesAMethodThatLibTorchWouldRun) {
  const absl::Status found = status("class A:\n  def __setstate__(self, state: int) -> NoneType:\n    return None\n");
  EXPECT_EQ(found.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(says(std::string(found.message()), "__setstate__")) << found;
}

TEST(ScriptCheck, RefusesValuesThatAreComputedOnOpening) {
  const char* values[] = {"torch.save([1], \"a\")",
                          "ops.a.b()",
                          "CONSTANTS.c0",
                          "CONSTANTS.c0 + 1",
                          "-CONSTANTS.c0",
                          "CONSTANTS.c0[0]",
                          "[1, CONSTANTS.c0]",
                          "{\"a\": CONSTANTS.c0}",
                          "(CONSTANTS.c0)",
                          "(1)(2)",
                          "annotate(int, torch.len([1]))",
                          "annotate(torch.len([1]), 1)",
                          "annotate(CONSTANTS.c0[0], 1)",
                          "float(CONSTANTS.c0)",
                          "float(\"1\").f()",
                          "torch.device(\"cpu\").type",
                          "torch.from_file(\"a\")",
                          "\"a\".format(1)",
                          "not CONSTANTS.c0",
                          "1 if torch.rand([1]) else 2",
                          "[x for x in CONSTANTS.c0]",
                          "__torch__",
                          "__torch__.f()",
                          "__torch__.f.g(1)",
                          "__torch__.f[0]",
                          "-__torch__.f",
                          "__torch__.f + 1",
                          "fork(__torch__.f)",
                          "1 + 1",
                          "lambda x: x"};
  for (const std::string value : values) {
    EXPECT_NE(error("def f(x: int=" + value + ") -> int:\n  return x\n"), "") << value;
    EXPECT_NE(error("def f(a: str=\")\", x: int=" + value + ") -> int:\n  return x\n"), "") << value;
    EXPECT_NE(error("class A(Module):\n  c : Final[int] = " + value + "\n"), "") << value;
    EXPECT_NE(error("class A(Module):\n  def f(self, x: int=" + value + ") -> int:\n    return x\n"), "") << value;
    EXPECT_NE(error("def f() -> int:\n  def g(x: int=" + value + ") -> int:\n    return x\n  return 1\n"), "") << value;
    EXPECT_NE(error("class A(NamedTuple):\n  c : " + value + " = Tensor\n"), "") << value;
    EXPECT_NE(error("class A(Enum):\n  c = " + value + "\n"), "") << value;
  }
  EXPECT_TRUE(says(error("def f(x: int=torch.len([1])) -> int:\n  return x\n"), "default argument"));
  EXPECT_NE(error("class A(NamedTuple):\n  c : Tensor = 1\n"), "");
}

TEST(ScriptCheck, RefusesCallsThatABrokenLineHides) {
  EXPECT_NE(error("class A(Module):\n  c : Final[Tensor] = \\\n    torch.ones([1])\n"), "");
  EXPECT_NE(error("def g\\\n(x: int=torch.len([1])):\n  return x\n"), "");
  EXPECT_NE(error("def g(x: int=torch.len\f([1])):\n  return x\n"), "");
  EXPECT_NE(error("def g(x: int=torch.len#-\n([1])):\n  return x\n"), "");
}

TEST(ScriptCheck, RefusesAClassConstantWithoutAType) {
  EXPECT_TRUE(says(error("class A(Module):\n  __parameters__ = []\n  other = []\n"), "no type"));
  EXPECT_EQ(error("class A(Module):\n  __parameters__ = []\n  def f(self):\n    x = 1\n    return x\n"), "");
}

TEST(ScriptCheck, RefusesWhatIsNoFunctionOrClass) {
  EXPECT_TRUE(says(error("x = 1\n"), "'def', 'class' or 'import'"));
  EXPECT_NE(error("  def f():\n    pass\n"), "");
  EXPECT_NE(error("class A(Other):\n  pass\n"), "");
  EXPECT_NE(error("class A(Module): x = 1\n"), "");
  EXPECT_NE(error("class A(Module):\nx : int\n"), "");
  EXPECT_NE(error("class A(Module):\n    x : int\n  y : int\n"), "");
  EXPECT_NE(error("class A(Module):\n  x : int\n    y = 1\n"), "");
  EXPECT_NE(error("class A(Module):\n  x : int, y\n"), "");
  EXPECT_NE(error("class A(Module):\n  torch.ones([1])\n"), "");
  EXPECT_NE(error("class A(Module):\n  x : \"__torch__.B\"\n"), "");
  EXPECT_NE(error("def f():\n  class B(Module):\n    pass\n"), "");
  EXPECT_NE(error("def f() -> int: return 1\n"), "");
  EXPECT_NE(error("def f(:\n"), "");
}

TEST(ScriptCheck, CountsAFunctionsBranches) {
  std::string branches = "def f(a: int):\n  if a:\n    pass\n";
  for (int i = 0; i < 500; ++i) branches += "  elif a:\n    def g():\n      pass\n";
  EXPECT_TRUE(says(error(branches), "400 branches"));
  std::string functions;
  for (int i = 0; i < 500; ++i) functions += "def f(a: int):\n  if a:\n    pass\n  elif a:\n    pass\n";
  EXPECT_EQ(error(functions), "");
}

TEST(ScriptCheck, ReadsLongTextsOnce) {
  // In time proportional to their length.
  std::string text = "def f(x: int):\n  a = \"";
  for (int i = 0; i < 300'000; ++i) text += "Final[";
  EXPECT_EQ(error(text + "\"\n"), "");
  std::string comment = "# ";
  for (int i = 0; i < 300'000; ++i) comment += "Final[";
  EXPECT_EQ(error(comment + "\n"), "");
}

}  // namespace
}  // namespace pare
