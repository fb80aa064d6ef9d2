// base/pickle_testing.h: pieces of pickles, for tests of what reads them.
//
//   const std::string pickle = "\x80\x02" + pickled_text("key") + ".";

#ifndef PARE_BASE_PICKLE_TESTING_H_
#define PARE_BASE_PICKLE_TESTING_H_

#include <cstdint>
#include <string>

namespace pare {

// Of at most 255 bytes.
inline std::string pickled_text(const std::string& content) {
  return "X" + std::string(1, static_cast<char>(content.size())) + std::string(3, '\0') + content;
}

// Of one byte, 0 to 255.
inline std::string pickled_byte(int value) { return {'K', static_cast<char>(value)}; }

inline std::string pickled_int64(int64_t value) {
  std::string bytes = "\x8a\x08";
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

}  // namespace pare

#endif  // PARE_BASE_PICKLE_TESTING_H_
