// Writes the first inputs of every fuzz target, small and valid: what LibFuzzer changes, and the tests run.
//
//   bazel run //tests/fuzz:make_corpus -- $PWD/tests/fuzz/corpus
//
// Inputs that were found to fail stand beside them, under names that say what they did.

#include <ATen/ops/ones.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/api/module.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "base/cache_file.h"
#include "data/image_writing_test_util.h"
#include "graph/state.h"
#include "training/checkpoint.h"

namespace {

using pare::data::Picture;

std::string corpus;

void write(const std::string& name, const std::string& content) {
  const std::filesystem::path path = corpus + "/" + name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
}

std::string read(const std::string& name) {
  std::ifstream file(corpus + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string module(const std::string& source) {
  torch::jit::Module module("Net");
  module.register_parameter("weight", at::ones({3, 4}), false);
  module.define(source);
  std::ostringstream stream;
  module.save(stream);
  return std::move(stream).str();
}

std::string idx(const std::string& dimensions, const std::string& values) {
  std::string file{0, 0, 8, static_cast<char>(dimensions.size())};
  for (const char dimension : dimensions) file += std::string(3, '\0') + dimension;
  return file + values;
}

void write_configs() {
  write("config/quantization.json",
        R"({"input_info": {"sample_size": [1, 3, 32, 32]}, // comment
 "compression": {"algorithm": "quantization", "preset": "mixed", "ignored_scopes": ["{re}conv.*"],},})");
  write("config/several.json",
        R"({"target_device": "CPU", "compression": [{"algorithm": "magnitude_sparsity", "sparsity_init": 0.1,
 "params": {"schedule": "multistep", "multistep_steps": [5, 10]}}, {"algorithm": "filter_pruning"}],
 "accuracy_aware_training": {"mode": "adaptive_compression_level", "params": {"maximal_relative_accuracy_degradation":
 1.0, "initial_training_phase_epochs": 2}}})");
}

void write_data() {
  const std::string images = idx({2, 2, 3}, "abcdefghijkl");
  write("idx/images", images);
  write("idx/labels", idx({3}, {0, 1, 9}));
  const std::string path = corpus + "/idx/images.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, images.data(), static_cast<unsigned>(images.size()));
  gzclose(file);
  std::string batch;
  for (int i = 0; i < 2; ++i) batch += static_cast<char>(i) + std::string(3072, static_cast<char>('a' + i));
  write("cifar/batch", batch);
  std::filesystem::create_directories(corpus + "/image");
  for (const int64_t channels : {1, 3}) {
    Picture picture{4, 5, channels, {}};
    for (int64_t i = 0; i < 20 * channels; ++i) picture.pixels.push_back(static_cast<uint8_t>(12 * i));
    const std::string name = corpus + "/image/" + (channels == 1 ? "grey" : "colour");
    pare::data::write_test_png(name + ".png", picture);
    pare::data::write_test_jpeg(name + ".jpg", picture);
  }
}

void write_models() {
  const std::string plain = module("def forward(self, x):\n    return torch.linear(x, self.weight).relu_()\n");
  const std::string branches = module(
      "def forward(self, x):\n    sizes = [3, 4]\n    total = 0\n    for size in sizes:\n        total = total + size\n"
      "    if x.dim() == 2:\n        x = x * total\n    return torch.cat([x, self.weight], 0)\n");
  write("torchscript/plain.pt", plain);
  write("torchscript/branches.pt", branches);
  write("archive/script", "s" + plain);
  std::istringstream file(branches);
  const auto [ranges, size] = caffe2::serialize::PyTorchStreamReader(&file).getRecord("code/__torch__.py.debug_pkl");
  write("archive/debug_ranges", "d" + std::string(static_cast<const char*>(ranges.get()), size));
  const std::string tensors =
      *pare::graph::serialize({{"model/w", at::ones({2, 2})}, {"optimizer", at::ones({3}, at::kByte)}},
                              {{"transforms", {{"conv1/pare::fake_quantize", {{"bits", 8}}}}},
                               {"algorithm", {{"scheduler", {{"step", 3}, {"epoch", 0}}}}},
                               {"compression", {{"config", nullptr}, {"input_size", {{1, 4}}}}},
                               {"source", nullptr},
                               {"epoch", 1},
                               {"steps_in_epoch", 0},
                               {"global_step", 4},
                               {"config", nullptr},
                               {"trainer", {{"last_rate", 0.1}, {"best", {0, 0, 3, 4, 0.5}}}},
                               {"made_by", {{"threads", 2}}}});
  write("archive/tensors", "t" + tensors);
  write("archive/pickle", std::string("p\x80\x02}q\x00(X\x01\x00\x00\x00", 12) + "aK\x01u.");
  write("archive/code",
        "cclass Net(Module):\n  __parameters__ = [\"w\", ]\n  w : Tensor\n  scale : Final[float] = -inf\n"
        "  def forward(self: __torch__.Net,\n    x: Optional[Tensor]=None) -> Tensor:\n"
        "    _0 = torch.add(x, [1, -2.5], alpha=1)\n    return _0\n");
  write("checkpoint/content", "c" + tensors);
  write("checkpoint/whole", "h" + pare::training::with_checkpoint_header(tensors));
  write("checkpoint/header", "h" + pare::training::with_checkpoint_header("abcd"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus FOLDER\n";
    return 2;
  }
  corpus = argv[1];
  write_configs();
  write_data();
  write_models();
  pare::write_cache(corpus + "/cache/binary", "device 1", "compiled");
  return read("cache/binary").empty() ? 1 : 0;
}
