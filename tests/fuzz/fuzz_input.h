// tests/fuzz/fuzz_input.h: what the fuzz targets share.
//
//   extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
//     const InputFile file(data, size);
//     read_idx_file(file.path(), 3).status().IgnoreError();   // it returns: whatever it returns
//     return 0;
//   }
//
// A target is right if it returns. With LibFuzzer (tests/fuzz/run.sh) its inputs are searched for; in the tests
// replay_main.cc runs it on the files of its corpus, and on some hundred changes of each.

#ifndef PARE_TESTS_FUZZ_FUZZ_INPUT_H_
#define PARE_TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace pare::fuzz {

// A file in memory with these bytes, for readers that take a path. It is gone with the object.
class InputFile {
 public:
  InputFile(const uint8_t* data, size_t size);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // "" if the system gave no file.
  const std::string& path() const { return path_; }

 private:
  int descriptor_ = -1;
  std::string path_;
};

}  // namespace pare::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // PARE_TESTS_FUZZ_FUZZ_INPUT_H_
