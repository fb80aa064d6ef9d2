// data/procedural.h: a data set that needs no file: shapes drawn from a seed.
//
//   PARE_ASSIGN_OR_RETURN(auto train, draw_procedural({.size = 6000, .split = Split::kTrain}));
//   // train->shape() == {3, 32, 32}, train->num_classes() == 10
//
// Ten kinds of shape (disk, ring, square, frame, triangle, cross, bar, half disk, crescent, pair of disks), each at a
// random place, size and angle, in a random colour, before a random background (plain, gradient, stripes, checkers)
// with clutter and noise. As colours, places and angles say nothing about the class, a linear classifier stays near
// chance, while a small convolutional network learns the set in a minute or two; procedural_test.cc holds the former.
//
// Image i of a split is a pure function of (seed, split, i), in integer arithmetic alone: the same on every machine.
// Its label is i mod 10, so any run of images is balanced. The splits of one seed share no image's stream.

#ifndef PARE_DATA_PROCEDURAL_H_
#define PARE_DATA_PROCEDURAL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "data/dataset.h"

namespace pare::data {

inline constexpr int64_t kProceduralClasses = 10;
inline constexpr ImageShape kProceduralShape{3, 32, 32};

struct ProceduralOptions {
  int64_t size = 6000;  // 1 ... 1,000,000 images
  Split split = Split::kTrain;
  uint64_t seed = 0;
};

// Draws all images into memory (3 KiB each). Errors: InvalidArgument for a size out of range.
absl::StatusOr<std::unique_ptr<ImageDataset>> draw_procedural(const ProceduralOptions& options);

// One image of the set: kProceduralShape.bytes() bytes in planes.
std::vector<uint8_t> draw_procedural_image(uint64_t seed, Split split, int64_t index);

}  // namespace pare::data

#endif  // PARE_DATA_PROCEDURAL_H_
