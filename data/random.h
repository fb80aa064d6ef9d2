// data/random.h: random numbers that are a pure function of where they are used.
//
//   RandomStream random(seed, {epoch, image});     // the same numbers on every machine and with any number of threads
//   int64_t shift = random.between(-4, 4);
//   if (random.coin()) flip();
//
// The generator is Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
// DOI 10.1145/2063384.2063405): block number n of a stream is a bijection of the counter (n, stream) under the key
// `seed`. Only integer arithmetic is used, and none of the standard library's distributions, whose results differ
// between libraries.

#ifndef PARE_DATA_RANDOM_H_
#define PARE_DATA_RANDOM_H_

#include <array>
#include <cstdint>
#include <vector>

namespace pare::data {

// One block of Philox 4x32-10.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// What names a stream beside the seed. Two streams with different names are independent. `what` keeps uses of the same
// (epoch, index) apart: the shuffling of one from the augmentation of another.
struct StreamName {
  uint32_t what = 0;
  uint32_t epoch = 0;
  uint64_t index = 0;
};

class RandomStream {
 public:
  RandomStream(uint64_t seed, const StreamName& name);

  // Uniform over all 32-bit numbers.
  uint32_t next();

  // Uniform over 0 ... bound - 1, without the bias of a plain remainder; bound >= 1.
  uint64_t below(uint64_t bound);

  // Uniform over first ... last, both included; first <= last.
  int64_t between(int64_t first, int64_t last);

  bool coin() { return (next() & 1) != 0; }

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_;
  int used_ = 4;
};

// The numbers 0 ... size - 1 in random order (Fisher and Yates).
std::vector<int64_t> random_permutation(int64_t size, RandomStream& random);

}  // namespace pare::data

#endif  // PARE_DATA_RANDOM_H_
