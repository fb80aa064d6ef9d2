#include "data/procedural.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "data/random.h"

namespace pare::data {
namespace {

constexpr int kSide = 32;
constexpr uint32_t kTrainStream = 16;  // StreamName::what
constexpr uint32_t kTestStream = 17;

using Color = std::array<int, 3>;

// 4096 * sin(degrees), by Bhaskara's rational approximation (within 0.2%): integers give the same pictures everywhere.
int sin_q12(int degrees) {
  degrees %= 360;
  const int half = degrees % 180;
  const int value = 4096 * 4 * half * (180 - half) / (40500 - half * (180 - half));
  return degrees < 180 ? value : -value;
}
int cos_q12(int degrees) { return sin_q12(degrees + 90); }

int square(int x) { return x * x; }

// Whether a point lies in the shape. (u, v) are its coordinates, turned and scaled: the shape fits into the circle of
// radius 256 around the origin.
bool inside(int64_t kind, int u, int v) {
  const int radius2 = square(u) + square(v);
  const int reach = std::max(std::abs(u), std::abs(v));
  switch (kind) {
    case 0:  // disk
      return radius2 <= square(215);
    case 1:  // ring
      return radius2 <= square(240) && radius2 >= square(135);
    case 2:  // square
      return reach <= 180;
    case 3:  // frame
      return reach <= 195 && reach >= 105;
    case 4:  // triangle: equilateral, one corner at the top; 887 / 512 is the square root of 3
      return v <= 128 && 887 * std::abs(u) <= 512 * (256 + v);
    case 5:  // cross
      return reach <= 240 && std::min(std::abs(u), std::abs(v)) <= 70;
    case 6:  // bar
      return std::abs(u) <= 248 && std::abs(v) <= 75;
    case 7:  // half disk
      return radius2 <= square(256) && v >= -10;
    case 8:  // crescent
      return radius2 <= square(245) && square(u - 110) + square(v) >= square(190);
    default:  // pair of disks
      return square(std::abs(u) - 145) + square(v) <= square(105);
  }
}

// What fills the background, and the shape.
struct Paint {
  int pattern;  // 0 plain, 1 gradient, 2 stripes, 3 checkers
  Color first, second;
  int period, cosine, sine, phase;

  Color at(int x, int y) const {
    const int along = (x * cosine + y * sine) / 256 + phase;  // in sixteenths of a pixel
    const int across = (y * cosine - x * sine) / 256 + phase;
    int weight = 0;  // of the second colour, out of 256
    if (pattern == 1) weight = std::clamp(128 + along / 4, 0, 256);
    if (pattern >= 2) {
      const bool odd = ((along + (1 << 20)) / period) % 2 != 0;
      const bool odd_across = pattern == 3 && ((across + (1 << 20)) / period) % 2 != 0;
      weight = odd != odd_across ? 256 : 0;
    }
    Color color;
    for (int c = 0; c < 3; ++c) color[c] = (first[c] * (256 - weight) + second[c] * weight) / 256;
    return color;
  }
};

Color random_color(RandomStream& random) {
  Color color;
  for (int& value : color) value = static_cast<int>(random.between(20, 235));
  return color;
}

// A colour near another.
Color vary(const Color& color, int by, RandomStream& random) {
  Color varied;
  for (int c = 0; c < 3; ++c) varied[c] = std::clamp(color[c] + static_cast<int>(random.between(-by, by)), 0, 255);
  return varied;
}

int distance(const Color& a, const Color& b) {
  return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]);
}

Paint random_background(RandomStream& random) {
  Paint paint;
  paint.pattern = static_cast<int>(random.below(4));
  paint.first = random_color(random);
  paint.second = vary(paint.first, 30, random);
  paint.period = static_cast<int>(random.between(3, 9)) * 16;
  const int angle = static_cast<int>(random.below(360));
  paint.cosine = cos_q12(angle);
  paint.sine = sin_q12(angle);
  paint.phase = static_cast<int>(random.below(256));
  return paint;
}

struct Placement {
  int x, y;          // of the centre, in sixteenths of a pixel
  int radius;        // in sixteenths of a pixel
  int cosine, sine;  // of the angle, times 4096

  bool covers(int64_t kind, int px, int py) const {
    const int dx = px - x, dy = py - y;
    // Q12 / 16 is 2^8: the coordinates come out with the radius as 256.
    const int u = (dx * cosine + dy * sine) / 16 / radius;
    const int v = (dy * cosine - dx * sine) / 16 / radius;
    return inside(kind, u, v);
  }
};

Placement random_placement(RandomStream& random) {
  Placement place;
  place.radius = static_cast<int>(random.between(9 * 16, 14 * 16));
  // The circle around the shape may leave the picture by an eighth of its radius.
  const int margin = place.radius - place.radius / 8;
  place.x = static_cast<int>(random.between(margin, kSide * 16 - margin));
  place.y = static_cast<int>(random.between(margin, kSide * 16 - margin));
  const int angle = static_cast<int>(random.below(360));
  place.cosine = cos_q12(angle);
  place.sine = sin_q12(angle);
  return place;
}

// A short line that belongs to no shape.
struct Clutter {
  int x, y, dx, dy, length;
  Color color;
};

Clutter random_clutter(RandomStream& random) {
  Clutter clutter;
  clutter.x = static_cast<int>(random.below(kSide));
  clutter.y = static_cast<int>(random.below(kSide));
  clutter.dx = static_cast<int>(random.between(-1, 1));
  clutter.dy = static_cast<int>(random.between(-1, 1));
  clutter.length = static_cast<int>(random.between(1, 5));
  clutter.color = random_color(random);
  return clutter;
}

}  // namespace

std::vector<uint8_t> draw_procedural_image(uint64_t seed, Split split, int64_t index) {
  RandomStream random(seed, {split == Split::kTrain ? kTrainStream : kTestStream, 0, static_cast<uint64_t>(index)});
  const int64_t kind = index % kProceduralClasses;
  const Paint background = random_background(random);
  Color color = random_color(random);
  // Neither brighter nor darker than the background as a rule, but apart from it.
  while (distance(color, background.first) < 180 || distance(color, background.second) < 180) {
    color = random_color(random);
  }
  const Placement place = random_placement(random);

  std::array<Color, kSide * kSide> picture;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) picture[y * kSide + x] = background.at(x * 16 + 8, y * 16 + 8);
  }
  const auto draw_clutter = [&](int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const Clutter clutter = random_clutter(random);
      for (int step = 0; step < clutter.length; ++step) {
        const int x = clutter.x + step * clutter.dx, y = clutter.y + step * clutter.dy;
        if (x >= 0 && x < kSide && y >= 0 && y < kSide) picture[y * kSide + x] = clutter.color;
      }
    }
  };
  draw_clutter(random.between(0, 4));
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      // Nine points a pixel smooth the edges.
      int covered = 0;
      for (int sub_y : {3, 8, 13}) {
        for (int sub_x : {3, 8, 13}) covered += place.covers(kind, x * 16 + sub_x, y * 16 + sub_y);
      }
      Color& pixel = picture[y * kSide + x];
      for (int c = 0; c < 3; ++c) pixel[c] = (pixel[c] * (9 - covered) + color[c] * covered) / 9;
    }
  }
  draw_clutter(random.between(0, 2));

  const int noise = static_cast<int>(random.between(2, 16));
  std::vector<uint8_t> pixels(kProceduralShape.bytes());
  for (int i = 0; i < kSide * kSide; ++i) {
    const Color noisy = vary(picture[i], noise, random);
    for (int c = 0; c < 3; ++c) pixels[c * kSide * kSide + i] = static_cast<uint8_t>(noisy[c]);
  }
  return pixels;
}

absl::StatusOr<std::unique_ptr<ImageDataset>> draw_procedural(const ProceduralOptions& options) {
  if (options.size < 1 || options.size > 1000000) {
    return absl::InvalidArgumentError(
        absl::StrCat("procedural data set: size is ", options.size, ", but must be from 1 to 1000000 images"));
  }
  std::vector<uint8_t> pixels, labels;
  pixels.reserve(options.size * kProceduralShape.bytes());
  for (int64_t i = 0; i < options.size; ++i) {
    const std::vector<uint8_t> image = draw_procedural_image(options.seed, options.split, i);
    pixels.insert(pixels.end(), image.begin(), image.end());
    labels.push_back(static_cast<uint8_t>(i % kProceduralClasses));
  }
  return MemoryDataset::create("procedural data set", kProceduralShape, kProceduralClasses, std::move(pixels),
                               std::move(labels));
}

}  // namespace pare::data
