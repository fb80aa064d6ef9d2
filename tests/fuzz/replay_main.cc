// Runs a fuzz target without LibFuzzer: on every file of its corpus, and on changes of each that are the same every
// time.
//
//   config_fuzz_test tests/fuzz/corpus/config 200     // so many changes a file

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_input.h"

namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

// One to four changes: a bit, a byte, a number of four bytes, a piece left out or doubled, the end cut off.
std::string changed(std::string input, std::mt19937& random) {
  const auto below = [&](size_t limit) { return limit == 0 ? 0 : random() % limit; };
  static constexpr uint32_t kNumbers[] = {0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
  for (size_t i = 0, times = 1 + below(4); i < times && !input.empty(); ++i) {
    const size_t at = below(input.size());
    switch (below(6)) {
      case 0:
        input[at] ^= static_cast<char>(1 << below(8));
        break;
      case 1:
        input[at] = static_cast<char>(below(256));
        break;
      case 2: {
        const uint32_t number = kNumbers[below(std::size(kNumbers))];
        for (size_t k = 0; k < 4 && at + k < input.size(); ++k) input[at + k] = static_cast<char>(number >> (8 * k));
        break;
      }
      case 3:
        input.erase(at, 1 + below(16));
        break;
      case 4:
        input.insert(at, input.substr(at, 1 + below(16)));
        break;
      default:
        input.resize(at);
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " CORPUS CHANGES\n";
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  if (files.empty()) {
    std::cerr << argv[1] << " holds no files\n";
    return 1;
  }
  std::sort(files.begin(), files.end());
  run("");
  for (const std::filesystem::path& path : files) {
    const std::string input = read(path);
    run(input);
    std::mt19937 random(1);
    for (int i = 0; i < std::atoi(argv[2]); ++i) run(changed(input, random));
  }
  std::cout << files.size() << " inputs of " << argv[1] << " and " << argv[2] << " changes of each: all returned\n";
  return 0;
}
