// backends/cpu/counting-inl.h: counts the numbers of each channel in slots: what both kinds of histograms share.
//
//   class Places {  // Of one channel.
//    public:
//     static constexpr int64_t kFirstSlot = 0;  // Which of the channel's counts is that of slot 0.
//     struct Vectors {
//       // Which numbers count, and what slots() makes slots of for those.
//       FloatMask operator()(V numbers, IntegerVector& place);
//       IntegerVector slots(IntegerVector place) const;
//     };
//     Vectors vectors() const;
//     void take(const Vectors& vectors);  // What these counted by themselves.
//     // Adds what is to be said of `size` numbers, of which `counted` were counted in slots, and starts from zero.
//     void add_others(int64_t size, int64_t counted, int64_t* counts);
//   };
//   count_channels(execution, layout, x, slots, bins.counts(), [&](int64_t channel) { return Places(...); }, counts);
//
// Compiled once an instruction set, as lanes-inl.h. The slots of a vector's numbers are computed side by side, and
// those that count are moved together and put by; the counting itself, one after the other, goes over what was put by.
// So where few numbers count, the speed is the memory's. Equal neighbours (the zeros behind a ReLU) would each wait for
// the other's store: the lanes of a vector count in several tables.

#if defined(PARE_BACKENDS_CPU_COUNTING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PARE_BACKENDS_CPU_COUNTING_INL_H_
#undef PARE_BACKENDS_CPU_COUNTING_INL_H_
#else
#define PARE_BACKENDS_CPU_COUNTING_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/partition.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

using FloatMask = hn::Mask<Floats>;
using IntegerVector = hn::Vec<Integers>;

// Counts numbers of one channel, at most kMostNumbers of them between two calls of add_to().
template <typename Places>
class ChannelCounter {
 public:
  static constexpr int64_t kMostNumbers = std::numeric_limits<uint32_t>::max();

  // tables: 1, 2 or 4.
  ChannelCounter(int64_t slots, int64_t tables) : slots_(slots), tables_(tables), table_(slots * tables) {
    for (int64_t lane = 0; lane < kLanes; ++lane) table_of_lane_[lane] = static_cast<int32_t>(lane % tables * slots);
  }

  template <typename T>
  void count(const T* x, int64_t size, Places& places) {
    const Integers d;
    const IntegerVector table_of_lane = hn::LoadU(d, table_of_lane_);
    typename Places::Vectors vectors = places.vectors();
    HWY_ALIGN uint32_t put_by[kBuffer + kLanes];
    int64_t filled = 0;
    const auto put = [&](FloatMask counts, IntegerVector place) HWY_ATTR {
      const auto slots = hn::Add(vectors.slots(place), table_of_lane);
      const auto packed = hn::Compress(slots, hn::RebindMask(d, counts));
      hn::StoreU(hn::BitCast(Words(), packed), Words(), put_by + filled);
      filled += static_cast<int64_t>(hn::CountTrue(Floats(), counts));
    };
    const auto count_what_is_put_by = [&] {
      uint32_t* const table = table_.data();
      for (int64_t i = 0; i < filled; ++i) ++table[put_by[i]];
      counted_ += filled;
      filled = 0;
    };
    int64_t i = 0;
    for (; i + 4 * kWidth <= size; i += 4 * kWidth) {
      IntegerVector first_place, second_place, third_place, fourth_place;
      const FloatMask first = vectors(load_vector(x + i), first_place);
      const FloatMask second = vectors(load_vector(x + i + kWidth), second_place);
      const FloatMask third = vectors(load_vector(x + i + 2 * kWidth), third_place);
      const FloatMask fourth = vectors(load_vector(x + i + 3 * kWidth), fourth_place);
      if (hn::AllFalse(Floats(), hn::Or(hn::Or(first, second), hn::Or(third, fourth)))) continue;
      put(first, first_place);
      put(second, second_place);
      put(third, third_place);
      put(fourth, fourth_place);
      if (filled > kBuffer - 4 * kWidth) count_what_is_put_by();
    }
    for (; i < size; i += kLanes) {
      V group[kParts];
      load_group(x + i, size - i, std::numeric_limits<float>::quiet_NaN(), group);
      for (int64_t part = 0; part < kParts; ++part) {
        const int64_t left = std::clamp<int64_t>(size - i - part * kWidth, 0, kWidth);
        IntegerVector place;
        const FloatMask counts = vectors(group[part], place);
        put(hn::And(counts, hn::FirstN(Floats(), left)), place);
      }
    }
    count_what_is_put_by();
    places.take(vectors);
    size_ += size;
  }

  // Adds to the channel's counts, and starts from zero.
  void add_to(Places& places, int64_t* counts) {
    int64_t* const first = counts + Places::kFirstSlot;
    for (int64_t table = 0; table < tables_; ++table) {
      for (int64_t slot = 0; slot < slots_; ++slot) first[slot] += table_[table * slots_ + slot];
    }
    places.add_others(size_, counted_, counts);
    std::fill(table_.begin(), table_.end(), 0);
    size_ = counted_ = 0;
  }

 private:
  // With room for the rest of less than four vectors, in groups of lanes.
  static constexpr int64_t kBuffer = 1024 + 4 * kLanes;

  const int64_t slots_, tables_;
  std::vector<uint32_t> table_;
  int32_t table_of_lane_[kLanes];
  int64_t size_ = 0, counted_ = 0;
};

// Counts the numbers [begin, end) of a channel, in the order of memory.
template <typename T, typename Places>
void count_runs(const Layout& layout, const T* x, int64_t channel, int64_t begin, int64_t end, Places& places,
                ChannelCounter<Places>& counter) {
  for (int64_t i = begin; i < end;) {
    const int64_t outer = i / layout.inner, start = i % layout.inner;
    const int64_t length = std::min(layout.inner - start, end - i);
    counter.count(x + (outer * layout.channels + channel) * layout.inner + start, length, places);
    i += length;
  }
}

// Counts rows [begin, end) of a strip of channels that are the fastest dimension, each channel's numbers brought
// together first.
template <typename T, typename Places>
void count_rows(const T* x, int64_t channels, int64_t strip, int64_t begin, int64_t end, Places* places,
                ChannelCounter<Places>* counters) {
  constexpr int64_t kRows = 64;
  T numbers[kRows];
  for (int64_t first = begin; first < end; first += kRows) {
    const int64_t rows = std::min(kRows, end - first);
    for (int64_t c = 0; c < strip; ++c) {
      for (int64_t row = 0; row < rows; ++row) numbers[row] = x[(first + row) * channels + c];
      counters[c].count(numbers, rows, places[c]);
    }
  }
}

template <typename T, typename MakePlaces>
void count_channels(const Execution& execution, const Layout& any_layout, const T* x, int64_t slots,
                    int64_t counts_of_channel, const MakePlaces& make_places, int64_t* counts) {
  using Places = decltype(make_places(int64_t{0}));
  const Layout layout = merged(any_layout);
  const int64_t size = layout.outer * layout.inner;  // Of a channel.
  if (layout.size() == 0) return;
  // Work is cut into parts of a channel (or of a strip of channels, where those are the fastest dimension); a thread
  // takes successive ones. A thread's own table has to be worth its making.
  const bool rows = has_channel_rows(layout);
  const int64_t strip = rows ? std::min(kLanes, layout.channels) : 1, strips = divide_up(layout.channels, strip);
  const int64_t grain = std::max(kGrain, 4 * strip * slots);
  const int64_t parts = std::max(size * strip / grain, divide_up(size, ChannelCounter<Places>::kMostNumbers / 2));
  const int64_t tables = size < 4 * slots ? 1 : slots * strip <= 4096 ? 4 : slots * strip <= 65536 ? 2 : 1;
  std::mutex mutex;
  execution.parallel_for(
      0, strips * parts, std::max<int64_t>(1, grain / (size * strip)), [&](int64_t begin, int64_t end) HWY_ATTR {
        std::vector<ChannelCounter<Places>> counters(strip, ChannelCounter<Places>(slots, tables));
        for (int64_t at = begin; at < end;) {
          const int64_t first_channel = at / parts * strip, first_part = at % parts;
          // Up to half of what a table can count.
          const int64_t parts_at_once = std::max<int64_t>(1, ChannelCounter<Places>::kMostNumbers / 2 * parts / size);
          const int64_t last_part = std::min({parts, first_part + end - at, first_part + parts_at_once});
          const int64_t first = size * first_part / parts, last = size * last_part / parts;
          const int64_t channels = std::min(strip, layout.channels - first_channel);
          std::vector<Places> places;
          for (int64_t c = 0; c < channels; ++c) places.push_back(make_places(first_channel + c));
          if (rows) {
            count_rows(x + first_channel, layout.channels, channels, first, last, places.data(), counters.data());
          } else {
            count_runs(layout, x, first_channel, first, last, places[0], counters[0]);
          }
          const std::lock_guard lock(mutex);
          for (int64_t c = 0; c < channels; ++c) {
            counters[c].add_to(places[c], counts + (first_channel + c) * counts_of_channel);
          }
          at += last_part - first_part;
        }
      });
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_COUNTING_INL_H_
