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

TEST(TorchArchiveTest, PassesTensorsThatShareAStorage) {
  const at::Tensor shared = at::zeros({3, 4});
  c10::impl::GenericDict dict(c10::StringType::get(), c10::AnyType::get());
  dict.insert("whole", shared);
  dict.insert("again", shared);
  dict.insert("part", shared.narrow(0, 1, 2));
  const std::vector<char> bytes = torch::jit::pickle_save(dict);
  EXPECT_EQ(error_of(std::string(bytes.begin(), bytes.end()), TorchArchive::kTensors), "");
  torch::jit::Module module("Net");
  module.register_buffer("whole", shared);
  module.register_buffer("part", shared.narrow(0, 1, 2));
  std::ostringstream stream;
  module.save(stream);
  EXPECT_EQ(error_of(stream.str()), "");
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
  EXPECT_TRUE(
      says(error_of(archive({{"data.pkl", "\x80\x02N."}, {"code/a.py.debug_pkl", "\x80\x02N."}})), "a.py.debug_pkl"));
}

TEST(TorchArchiveTest, RefusesEveryTruncation) {
  const std::string whole = archive({{"data.pkl", "\x80\x02N."}});
  for (size_t size = 0; size < whole.size(); ++size) ASSERT_NE(error_of(whole.substr(0, size)), "") << size;
}

TEST(TorchArchiveTest, ChecksEveryRecordOfCode) {
  const auto with = [](const std::string& name, const std::string& text) {
    return error_of(archive({{"data.pkl", "\x80\x02N."}, {name, text}}));
  };
  EXPECT_EQ(with("code/__torch__/a.py", "def f(x: int=1) -> int:\n  return x\n"), "");
  EXPECT_TRUE(says(with("code/__torch__/a.py", "def f(x: int=torch.len([1])) -> int:\n  return x\n"), "a.py, line 1"));
  EXPECT_TRUE(
      says(with("CODE/__torch__/a.PY", "def f(x: int=torch.len([1])) -> int:\n  return x\n"), "default argument"));
  EXPECT_TRUE(says(with("code/__torch__/a", "def f(x: int=1) -> int:\n  return x\n"), "is no code"));
}

TEST(TorchArchiveTest, RefusesObjectsOfItsEnums) {
  // An object of __torch__.Colour, whose code says what it is.
  const std::string pickle(
      "\x80\x02"
      "c__torch__\nColour\nK\x01\x85R.",
      27);
  const std::string error =
      error_of(archive({{"data.pkl", pickle}, {"code/__torch__.py", "class Colour(Enum):\n  RED = 1\n"}}));
  EXPECT_TRUE(says(error, "the enum __torch__.Colour")) << error;
}

TEST(TorchArchiveTest, RefusesTheMobileFormat) {
  std::string bytes = archive({{"data.pkl", "\x80\x02N."}});
  bytes.replace(4, 4, "PTMF");
  EXPECT_TRUE(says(error_of(bytes), "mobile"));
}

}  // namespace
}  // namespace pare
