// training/fnv1a.h: a hash that tells one content from another: it finds damage and mistakes, not malice.
//
//   fnv1a("a") == 0xaf63dc4c8601ec8c

#ifndef PARE_TRAINING_FNV1A_H_
#define PARE_TRAINING_FNV1A_H_

#include <cstdint>
#include <string_view>

namespace pare::training {

// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv). To go on with more bytes, give the hash so far.
inline uint64_t fnv1a(std::string_view bytes, uint64_t hash = 0xcbf29ce484222325ULL) {
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  return hash;
}

}  // namespace pare::training

#endif  // PARE_TRAINING_FNV1A_H_
