#include "base/torch_archive.h"

#include <ATen/ops/zeros.h>
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <map>
#include <sstream>
#include <string>

namespace pare {
namespace {

std::string archive(const std::map<std::string, std::string>& records) {
  std::string bytes;
  caffe2::serialize::PyTorchStreamWriter writer([&](const void* data, size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return size;
  });
  for (const auto& [name, data] : records) writer.writeRecord(name, data.data(), data.size());
  writer.writeEndOfFile();
  return bytes;
}

std::string error_of(const std::string& bytes, TorchArchive kind = TorchArchive::kScript) {
  std::istringstream file(bytes);
  return std::string(check_torch_archive(file, "net.pt", kind).message());
}

bool says(const std::string& error, const std::string& words) { return error.find(words) != std::string::npos; }

std::string saved(const std::string& source) {
  torch::jit::Module module("Net");
  module.register_parameter("w", at::zeros({2, 2}), false);
  module.define(source);
  std::ostringstream stream;
  module.save(stream);
  return std::move(stream).str();
}

TEST(TorchArchiveTest, PassesWhatLibTorchWrites) {
  EXPECT_EQ(error_of(saved("def forward(self, x):\n    return x + self.w\n")), "");
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  dict.insert("tensor", at::zeros({3, 4}));
  dict.insert("text", std::string("{}"));
  const std::vector<char> bytes = torch::jit::pickle_save(dict);
  EXPECT_EQ(error_of(std::string(bytes.begin(), bytes.end()), TorchArchive::kTensors), "");
}

TEST(TorchArchiveTest, RefusesAMethodThatLibTorchWouldRunOnOpening) {
  const std::string bytes = saved(
      "def forward(self, x):\n    return x + self.w\n"
      "def __getstate__(self):\n    return 1\n"
      "def __setstate__(self, state: int):\n    self.w = torch.ones([3])\n");
  EXPECT_TRUE(says(error_of(bytes), "__setstate__")) << error_of(bytes);
}

TEST(TorchArchiveTest, RefusesClassesWhereOnlyTensorsBelong) {
  EXPECT_TRUE(says(error_of(saved("def forward(self, x):\n    return x + self.w\n"), TorchArchive::kTensors),
                   "only tensors belong"));
}

TEST(TorchArchiveTest, RefusesOldFormats) {
  EXPECT_TRUE(says(error_of(archive({{"model.json", "{}"}, {"data.pkl", "\x80\x02N."}})), "PyTorch 1.4"));
  EXPECT_TRUE(says(error_of(archive({{"MODEL.json", "{}"}, {"data.pkl", "\x80\x02N."}})), "PyTorch 1.4"));
}

TEST(TorchArchiveTest, LooksIntoEveryPickle) {
  EXPECT_EQ(error_of(archive({{"data.pkl", "\x80\x02N."}})), "");
  EXPECT_TRUE(says(error_of(archive({{"data.pkl", "\x80\x02N."},
                                     {"constants.pkl",
                                      "\x80\x02"
                                      "cos\nsystem\n."}})),
                   "constants.pkl"));
  EXPECT_TRUE(says(error_of(archive({{"data.pkl", "\x80\x02N."}, {"code/a.py.debug_pkl", "N."}})), "debug_pkl"));
}

TEST(TorchArchiveTest, RefusesEveryTruncation) {
  const std::string whole = archive({{"data.pkl", "\x80\x02N."}});
  for (size_t size = 0; size < whole.size(); ++size) ASSERT_NE(error_of(whole.substr(0, size)), "") << size;
}

std::string text_error(const std::string& text) { return std::string(check_script_text(text, "code").message()); }

TEST(TorchArchiveTest, RefusesCodeThatWouldExhaustTheParsersStack) {
  const auto repeated = [](const std::string& part, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += part;
    return all;
  };
  EXPECT_TRUE(says(text_error("x = " + repeated("(", 500)), "400 deep"));
  EXPECT_TRUE(says(text_error("x = " + repeated("- ", 500) + "1"), "400 deep"));
  EXPECT_TRUE(says(text_error("x = a" + repeated(" + a", 500)), "400 deep"));
  EXPECT_TRUE(says(text_error("x = a" + repeated(".a", 500)), "400 deep"));
  EXPECT_TRUE(says(text_error("x = a" + repeated("()", 500)), "400 deep"));
  EXPECT_TRUE(says(text_error("x = " + repeated("not ", 500) + "a"), "400 deep"));
  EXPECT_TRUE(says(text_error("if a:\n  b\n" + repeated("elif a:\n  b\n", 500)), "400 deep"));
  EXPECT_TRUE(says(text_error(repeated(" ", 500) + "x"), "indented"));
  EXPECT_TRUE(says(text_error(repeated("\n", 2000) + "x"), "empty lines"));
  // Not in a literal, though it looks so to one who does not know comments.
  EXPECT_TRUE(says(text_error("# '''\nx = " + repeated("(", 500) + "\n# '''"), "400 deep"));
  EXPECT_TRUE(says(text_error("# type: (" + repeated("(", 500)), "400 deep"));
}

TEST(TorchArchiveTest, RefusesCallsThatAreEvaluatedOnOpening) {
  EXPECT_TRUE(says(text_error("def f(x: int=torch.save([1], \"a\")) -> int:\n  return x\n"), "default argument"));
  EXPECT_TRUE(says(text_error("class A(Module):\n  c : Final[int] = ops.a.b()\n"), "default argument"));
  EXPECT_EQ(text_error("def f(x: List[int]=[1, (2)], y: Optional[int]=None) -> int:\n  return g(x)\n"), "");
  EXPECT_EQ(text_error("class A(Module):\n  c : Final[Tuple[int, int]] = (1, 1)\n  d : Tensor\n"), "");
}

TEST(TorchArchiveTest, RefusesAClassConstantWithoutAType) {
  EXPECT_TRUE(says(text_error("class A(Module):\n  __parameters__ = []\n  other = []\n"), "no type"));
  EXPECT_EQ(text_error("class A(Module):\n  __parameters__ = []\n  def f(self):\n    x = 1\n    return x\n"), "");
}

TEST(TorchArchiveTest, PassesLongCodeThatIsFlat) {
  std::string list = "x = [";
  for (int i = 0; i < 10'000; ++i) list += "-1.5, ";
  EXPECT_EQ(text_error(list + "2]\n"), "");
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "  _1 = torch.add(self.layer.conv(x), annotate(List[int], [1, 2]))\n";
  EXPECT_EQ(text_error(lines), "");
  EXPECT_EQ(text_error("x = \"" + std::string(5000, '(') + "\"\n"), "");
}

}  // namespace
}  // namespace pare
