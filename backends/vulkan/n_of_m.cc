#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "backends/vulkan/call.h"
#include "backends/vulkan/elementwise.h"
#include "backends/vulkan/kernels.h"
#include "backends/vulkan/n_of_m_shaders.h"

namespace pare::backends::vulkan {
namespace {

// What pieces begin at multiples of: with it every type's bytes begin where a buffer may be bound.
constexpr int64_t kAlignment = 1024;
// n_of_m_places.comp holds so many channels' numbers.
constexpr int64_t kMaxChannelsHeld = 4;

// The same as n_of_m_places.comp's.
struct PlacesConstants {
  uint32_t count;
  uint32_t n, channels;
  uint32_t run;
  FastDivisor run_divisor;
  uint32_t groups;
  FastDivisor groups_divisor;
  uint32_t first_group;
  uint32_t row;
};

// A tensor, its mask, and how they are to be seen; m is not above the number of channels.
struct Task {
  Layout layout;
  Buffer x, mask;
  int64_t element_bytes;
  int64_t n, m;
};

int64_t most_elements(const Call& call, int64_t element_bytes) {
  return call.plan().buffer_range / element_bytes / kAlignment * kAlignment;
}

// All channels of a group in one invocation, `unit` places at a time. Sections are whole groups.
void mask_places(Call& call, const Shader& shader, const Task& task, int64_t unit) {
  const auto& [outer, channels, inner] = task.layout;
  const int64_t groups = (channels + task.m - 1) / task.m, all = outer * groups;
  const int64_t step = (most_elements(call, task.element_bytes) - kAlignment) / (task.m * inner);
  if (unit == 1) call.fill(task.mask, 0);
  for (int64_t first = 0; first < all; first += step) {
    const int64_t end = std::min(first + step, all), row = first / groups;
    const auto begin_of = [&](int64_t group) {
      return (group / groups * channels + group % groups * task.m) * task.layout.inner;
    };
    const int64_t bound = begin_of(first) / kAlignment * kAlignment;
    // The last group of a row may have fewer channels.
    const int64_t last = std::min(begin_of(end - 1) + task.m * task.layout.inner, task.layout.size());
    const auto part = [&](const Buffer& buffer, int64_t bytes) {
      return buffer.range(bound * bytes, (last - bound) * bytes);
    };
    PlacesConstants constants{};
    constants.run = inner / unit;
    constants.count = (end - first) * constants.run;
    constants.n = task.n;
    constants.channels = channels;
    constants.run_divisor = fast_divisor(constants.run);
    constants.groups = groups;
    constants.groups_divisor = fast_divisor(groups);
    constants.first_group = first % groups;
    constants.row = static_cast<uint32_t>((row * channels * inner - bound) / unit);
    call.dispatch(shader, {part(task.x, task.element_bytes), part(task.mask, 1)}, constants,
                  {static_cast<uint32_t>(unit), static_cast<uint32_t>(task.m)}, constants.count);
  }
}

// Each element by itself. A piece of the mask looks as far as `reach` to both sides of x.
void mask_elements(Call& call, const Shader& shader, const Task& task, uint32_t side_by_side, int64_t reach) {
  struct Push {
    PieceConstants piece;
    uint32_t n, m, inner, before;
  };
  const int64_t size = task.layout.size();
  int64_t most = most_elements(call, task.element_bytes);
  if (size > most && reach > 0) most = (most - 2 * reach) / kAlignment * kAlignment - kAlignment;
  for_each_piece(task.layout, most, call.plan().local_size, call.plan().loop_groups, [&](const Piece& piece) {
    const int64_t begin = std::max<int64_t>(piece.first - reach, 0) / kAlignment * kAlignment;
    const int64_t end = std::min(piece.first + piece.constants.count + reach, size);
    call.dispatch(
        shader, {task.x.range(begin * task.element_bytes, (end - begin) * task.element_bytes), piece.of(task.mask, 1)},
        Push{piece.constants, static_cast<uint32_t>(task.n), static_cast<uint32_t>(task.m),
             static_cast<uint32_t>(task.layout.inner), static_cast<uint32_t>((piece.first - begin) / 4)},
        {piece.channel_mode, side_by_side}, piece.invocations);
  });
}

template <typename T>
void make_mask(Call& call, const Task& task);

// Groups of channels that cannot be bound at once: the same places of a group's channels side by side in other memory.
template <typename T>
void mask_copies(Call& call, const Task& task) {
  const auto& [outer, channels, inner] = task.layout;
  const int64_t most = most_elements(call, sizeof(T));
  const int64_t places =
      std::max((most - kAlignment) / task.m, std::min(most / task.m, kAlignment)) / kAlignment * kAlignment;
  if (places <= 0) {
    return call.fail(absl::UnimplementedError(
        absl::StrCat("n_of_m_mask: groups of ", task.m, " channels are more than the Vulkan device binds at once (",
                     call.plan().buffer_range, " bytes); compute this mask with another backend")));
  }
  const Buffer numbers = call.scratch(task.m * places * sizeof(T)), bytes = call.scratch(task.m * places);
  for (int64_t row = 0; row < outer; ++row) {
    for (int64_t channel = 0; channel < channels; channel += task.m) {
      const int64_t there = std::min(task.m, channels - channel);
      for (int64_t place = 0; place < inner && call.ok(); place += places) {
        const int64_t count = std::min(places, inner - place);
        const auto first = [&](int64_t c) { return (row * channels + channel + c) * task.layout.inner + place; };
        for (int64_t c = 0; c < there; ++c) {
          call.copy(task.x.range(first(c) * sizeof(T), count * sizeof(T)),
                    numbers.range(c * count * sizeof(T), count * sizeof(T)));
        }
        make_mask<T>(call, {{1, there, count},
                            numbers.range(0, there * count * sizeof(T)).read_only(),
                            bytes.range(0, there * count),
                            sizeof(T),
                            task.n,
                            there});
        for (int64_t c = 0; c < there; ++c) {
          call.copy(bytes.range(c * count, count), task.mask.range(first(c), count));
        }
      }
    }
  }
}

template <typename T>
void make_mask(Call& call, const Task& task) {
  const Shader& elements = variant<T>(shaders::n_of_m_mask_f32, shaders::n_of_m_mask_f16, shaders::n_of_m_mask_bf16);
  const Shader& places =
      variant<T>(shaders::n_of_m_places_f32, shaders::n_of_m_places_f16, shaders::n_of_m_places_bf16);
  const auto& [outer, channels, inner] = task.layout;
  // One of one is kept.
  if (task.m == 1) return call.fill(task.mask, 0x01010101);
  if (inner == 1 && (task.m == 2 || task.m == 4) && channels % task.m == 0) {
    return mask_elements(call, elements, task, task.m, 0);
  }
  const int64_t most = most_elements(call, sizeof(T)), reach = (task.m - 1) * inner;
  const bool fours = inner % 4 == 0;
  // Single places need atomic operations, which cost less than reading each number m times only on a processor.
  if (task.m <= kMaxChannelsHeld && (fours || call.plan().is_processor) && task.m * inner <= most - kAlignment) {
    return mask_places(call, places, task, fours ? 4 : 1);
  }
  if (task.layout.size() <= most || most - 2 * reach >= 2 * kAlignment) {
    return mask_elements(call, elements, task, 0, reach);
  }
  mask_copies<T>(call, task);
}

}  // namespace

template <typename T>
absl::Status n_of_m_mask(const Execution&, const Layout& layout, const T* x, int n, int m, uint8_t* mask) {
  Call call({x, mask});
  const Buffer in = call.input(x, layout.size()), out = call.output(mask, layout.size());
  if (!call.ok() || layout.size() == 0) return call.finish();
  make_mask<T>(call, {layout, in, out, sizeof(T), n, std::min<int64_t>(m, layout.channels)});
  return call.finish();
}

#define PARE_INSTANTIATE(T) \
  template absl::Status n_of_m_mask(const Execution&, const Layout&, const T*, int, int, uint8_t*);
PARE_FOR_EACH_TYPE(PARE_INSTANTIATE)
#undef PARE_INSTANTIATE

}  // namespace pare::backends::vulkan
