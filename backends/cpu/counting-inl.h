// backends/cpu/counting-inl.h: counts the numbers of each channel in slots: what both kinds of histograms share.
//
//   class Places {  // Of one channel.
//    public:
//     static constexpr int64_t kFirstSlot = 0;  // Which of the channel's counts is that of slot 0.
//     template <bool kChannels>  // Whether each lane is of a channel of its own.
//     struct Vectors {
//       // Which numbers count, and what slots() makes slots of for those.
//       FloatMask operator()(V numbers, IntegerVector& place);
//       IntegerVector slots(IntegerVector place) const;
//     };
//     Vectors<false> vectors() const;
//     static Vectors<true> vectors(const Places* places);  // Of as many channels as a vector has lanes.
//     // What these counted by themselves.
//     void take(const Vectors<false>& vectors);
//     static void take(const Vectors<true>& vectors, Places* places);
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

#include "backends/cpu/compress-inl.h"
#include "backends/cpu/lanes-inl.h"
#include "backends/cpu/partition.h"
#include "backends/cpu/streams-inl.h"

HWY_BEFORE_NAMESPACE();
namespace pare::backends::cpu::HWY_NAMESPACE {

using FloatMask = hn::Mask<Floats>;
using IntegerVector = hn::Vec<Integers>;

// What a table's 32 bits surely hold.
inline constexpr int64_t kMostNumbers = std::numeric_limits<uint32_t>::max();

// How far one table lies from the next: not at a distance where all that is at the same slot would share few places in
// the cache.
inline int64_t table_stride(int64_t slots) { return (divide_up(slots, 16) | 1) * 16; }

// Slots that are put by until they are counted.
class PutBy {
 public:
  HWY_INLINE explicit PutBy(uint32_t* table) : table_(table) {}

  // Puts by the slots that count, each moved by its lane's place in the table.
  template <typename Vectors>
  HWY_INLINE void put(const Vectors& vectors, FloatMask counts, IntegerVector place, IntegerVector table_of_lane) {
    const auto slots = hn::Add(vectors.slots(place), table_of_lane);
    const auto packed = compress(hn::BitCast(Words(), slots), hn::RebindMask(Words(), counts));
    hn::StoreU(packed, Words(), slots_ + filled_);
    filled_ += static_cast<int64_t>(hn::CountTrue(Floats(), counts));
  }

  // Of four vectors: often none of their numbers counts.
  template <typename Vectors, typename T>
  HWY_INLINE void put_four(Vectors& vectors, const T* x, int64_t stride, FloatMask valid, IntegerVector table_of_lane) {
    IntegerVector first_place, second_place, third_place, fourth_place;
    const FloatMask first = hn::And(vectors(load_vector(x), first_place), valid);
    const FloatMask second = hn::And(vectors(load_vector(x + stride), second_place), valid);
    const FloatMask third = hn::And(vectors(load_vector(x + 2 * stride), third_place), valid);
    const FloatMask fourth = hn::And(vectors(load_vector(x + 3 * stride), fourth_place), valid);
    if (hn::AllFalse(Floats(), hn::Or(hn::Or(first, second), hn::Or(third, fourth)))) return;
    put(vectors, first, first_place, table_of_lane);
    put(vectors, second, second_place, table_of_lane);
    put(vectors, third, third_place, table_of_lane);
    put(vectors, fourth, fourth_place, table_of_lane);
    if (filled_ > kFull) count();
  }

  // How many were counted all in all, now that all are.
  HWY_INLINE int64_t finish() {
    count();
    return counted_;
  }

 private:
  static constexpr int64_t kFull = 1024;

  HWY_INLINE void count() {
    for (int64_t i = 0; i < filled_; ++i) ++table_[slots_[i]];
    counted_ += filled_;
    filled_ = 0;
  }

  uint32_t* const table_;
  int64_t filled_ = 0, counted_ = 0;
  // Behind a full one there is room for four vectors, and for those of a rest.
  uint32_t slots_[kFull + 8 * kLanes];
};

// Counts numbers of one channel, at most kMostNumbers of them between two calls of add_to().
template <typename Places>
class ChannelCounter {
 public:
  // tables: 1, 2 or 4.
  ChannelCounter(int64_t slots, int64_t tables)
      : slots_(slots), tables_(tables), stride_(table_stride(slots)), table_(stride_ * tables) {
    for (int64_t lane = 0; lane < kLanes; ++lane) table_of_lane_[lane] = static_cast<int32_t>(lane % tables * stride_);
  }

  template <typename T>
  void count(const T* x, int64_t size, Places& places) {
    const IntegerVector table_of_lane = hn::LoadU(Integers(), table_of_lane_);
    auto vectors = places.vectors();
    PutBy put_by(table_.data());
    const FloatMask all = hn::FirstN(Floats(), kWidth);
    int64_t i = 0;
    for (; i + 4 * kWidth <= size; i += 4 * kWidth) {
      for (int64_t at = 0; at < 4 * kWidth; at += kLanes) read_ahead(x + i + at);
      put_by.put_four(vectors, x + i, kWidth, all, table_of_lane);
    }
    for (; i < size; i += kLanes) {
      V group[kParts];
      load_group(x + i, size - i, std::numeric_limits<float>::quiet_NaN(), group);
      for (int64_t part = 0; part < kParts; ++part) {
        const int64_t left = std::clamp<int64_t>(size - i - part * kWidth, 0, kWidth);
        IntegerVector place;
        const FloatMask counts = vectors(group[part], place);
        put_by.put(vectors, hn::And(counts, hn::FirstN(Floats(), left)), place, table_of_lane);
      }
    }
    counted_ += put_by.finish();
    places.take(vectors);
    size_ += size;
  }

  // Adds to the channel's counts, and starts from zero.
  void add_to(Places& places, int64_t* counts) {
    int64_t* const first = counts + Places::kFirstSlot;
    for (int64_t table = 0; table < tables_; ++table) {
      for (int64_t slot = 0; slot < slots_; ++slot) first[slot] += table_[table * stride_ + slot];
    }
    places.add_others(size_, counted_, counts);
    std::fill(table_.begin(), table_.end(), 0);
    size_ = counted_ = 0;
  }

 private:
  const int64_t slots_, tables_, stride_;
  std::vector<uint32_t> table_;
  int32_t table_of_lane_[kLanes];
  int64_t size_ = 0, counted_ = 0;
};

// Which channels the lanes of a group stand for, where channels are the fastest dimension: the last group ends with the
// row, and its first lanes, which the group before has as well, do not count.
struct ChannelGroup {
  ChannelGroup(int64_t group, int64_t channels)
      : first_channel(std::min(group * kLanes, channels - kLanes)), first_lane(group * kLanes - first_channel) {}
  int64_t first_channel, first_lane;
};

// Counts numbers of successive groups of channels, at most kMostNumbers rows of them.
template <typename Places>
class RowCounter {
 public:
  static constexpr int64_t kMostGroups = 8;

  // groups: at most kMostGroups.
  template <typename MakePlaces>
  RowCounter(int64_t channels, int64_t first_group, int64_t groups, int64_t slots, const MakePlaces& make_places)
      : channels_(channels),
        first_group_(first_group),
        groups_(groups),
        slots_(slots),
        stride_(table_stride(slots)),
        table_(stride_ * kLanes * groups) {
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t first = ChannelGroup(first_group + group, channels).first_channel;
      for (int64_t lane = 0; lane < kLanes; ++lane) places_.push_back(make_places(first + lane));
    }
  }

  // x: the first row.
  template <typename T>
  void count(const T* x, int64_t rows) {
    typename Places::template Vectors<true> vectors[kMostGroups * kParts] = {};
    IntegerVector table_of_lane[kMostGroups * kParts];
    FloatMask valid[kMostGroups * kParts];
    int64_t columns[kMostGroups * kParts];
    const int64_t parts = groups_ * kParts;
    for (int64_t part = 0; part < parts; ++part) {
      const ChannelGroup at(first_group_ + part / kParts, channels_);
      const int64_t first_lane = part % kParts * kWidth;
      HWY_ALIGN int32_t tables[kLanes];
      for (int64_t lane = 0; lane < kWidth; ++lane) {
        tables[lane] = static_cast<int32_t>((part * kWidth + lane) * stride_);
      }
      vectors[part] = Places::vectors(places_.data() + part * kWidth);
      table_of_lane[part] = hn::Load(Integers(), tables);
      const int64_t left_out = std::clamp<int64_t>(at.first_lane - first_lane, 0, kWidth);
      valid[part] = hn::Not(hn::FirstN(Floats(), left_out));
      columns[part] = at.first_channel + first_lane;
    }
    PutBy put_by(table_.data());
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) {
      for (int64_t part = 0; part < parts; ++part) {
        put_by.put_four(vectors[part], x + row * channels_ + columns[part], channels_, valid[part],
                        table_of_lane[part]);
      }
    }
    for (int64_t part = 0; part < parts; ++part) {
      for (int64_t last = row; last < rows; ++last) {
        IntegerVector place;
        const FloatMask counts = vectors[part](load_vector(x + last * channels_ + columns[part]), place);
        put_by.put(vectors[part], hn::And(counts, valid[part]), place, table_of_lane[part]);
      }
      put_by.finish();
      Places::take(vectors[part], places_.data() + part * kWidth);
    }
    rows_ += rows;
  }

  void add_to(int64_t counts_of_channel, int64_t* counts) {
    for (int64_t group = 0; group < groups_; ++group) {
      const ChannelGroup at(first_group_ + group, channels_);
      for (int64_t lane = at.first_lane; lane < kLanes; ++lane) {
        const uint32_t* const table = table_.data() + (group * kLanes + lane) * stride_;
        int64_t* const channel_counts = counts + (at.first_channel + lane) * counts_of_channel;
        int64_t counted = 0;
        for (int64_t slot = 0; slot < slots_; ++slot) {
          channel_counts[Places::kFirstSlot + slot] += table[slot];
          counted += table[slot];
        }
        places_[group * kLanes + lane].add_others(rows_, counted, channel_counts);
      }
    }
  }

 private:
  const int64_t channels_, first_group_, groups_, slots_, stride_;
  std::vector<Places> places_;
  std::vector<uint32_t> table_;
  int64_t rows_ = 0;
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

// The same of numbers that lie apart, brought together first.
template <typename T, typename Places>
void count_column(const Layout& layout, const T* x, int64_t channel, int64_t begin, int64_t end, Places& places,
                  ChannelCounter<Places>& counter) {
  constexpr int64_t kRows = 1024;
  T numbers[kRows];
  for (int64_t first = begin; first < end; first += kRows) {
    const int64_t rows = std::min(kRows, end - first);
    for (int64_t row = 0; row < rows; ++row) numbers[row] = x[(first + row) * layout.channels + channel];
    counter.count(numbers, rows, places);
  }
}

// How a tensor is cut into units of work: parts of each strip of channels. A thread takes successive ones; its own
// table has to be worth its making, and to hold its counts.
struct CountingUnits {
  CountingUnits(const Layout& layout, int64_t channels_of_strip, int64_t slots)
      : size(layout.outer * layout.inner), strips(divide_up(layout.channels, channels_of_strip)) {
    const int64_t grain = std::max(kGrain, 4 * channels_of_strip * slots);
    parts = std::max(size * channels_of_strip / grain, divide_up(size, kMostNumbers / 2));
    grain_of_units = std::max<int64_t>(1, grain / (size * channels_of_strip));
  }

  // Calls visit(strip, first, last) for parts of strips that cover units [begin, end): numbers [first, last) of each of
  // a strip's channels, less than kMostNumbers of them.
  template <typename Visit>
  void for_each_part(int64_t begin, int64_t end, const Visit& visit) const {
    const int64_t parts_at_once = std::max<int64_t>(1, kMostNumbers / 2 * parts / size);
    while (begin < end) {
      const int64_t part = begin % parts, last = std::min({parts, part + end - begin, part + parts_at_once});
      visit(begin / parts, size * part / parts, size * last / parts);
      begin += last - part;
    }
  }

  int64_t size;  // Of a channel.
  int64_t strips, parts, grain_of_units;
};

template <typename T, typename MakePlaces>
void count_channels(const Execution& execution, const Layout& any_layout, const T* x, int64_t slots,
                    int64_t counts_of_channel, const MakePlaces& make_places, int64_t* counts) {
  using Places = decltype(make_places(int64_t{0}));
  const Layout layout = merged(any_layout);
  if (layout.size() == 0) return;
  std::mutex mutex;
  if (has_channel_rows(layout) && layout.channels >= kLanes) {
    // As many groups of channels at once as have tables of half a megabyte together.
    const int64_t all_groups = divide_up(layout.channels, kLanes);
    const int64_t groups =
        std::clamp<int64_t>((1 << 17) / (slots * kLanes), 1, std::min(all_groups, RowCounter<Places>::kMostGroups));
    const CountingUnits units(layout, groups * kLanes, slots);
    execution.parallel_for(
        0, units.strips * units.parts, units.grain_of_units, [&](int64_t begin, int64_t end) HWY_ATTR {
          units.for_each_part(begin, end, [&](int64_t strip, int64_t first, int64_t last) HWY_ATTR {
            const int64_t first_group = strip * groups;
            RowCounter<Places> counter(layout.channels, first_group, std::min(groups, all_groups - first_group), slots,
                                       make_places);
            counter.count(x + first * layout.channels, last - first);
            const std::lock_guard lock(mutex);
            counter.add_to(counts_of_channel, counts);
          });
        });
    return;
  }
  const CountingUnits units(layout, 1, slots);
  const int64_t tables = units.size < 4 * slots ? 1 : slots <= 4096 ? 4 : 2;
  execution.parallel_for(0, units.strips * units.parts, units.grain_of_units, [&](int64_t begin, int64_t end) HWY_ATTR {
    ChannelCounter<Places> counter(slots, tables);
    units.for_each_part(begin, end, [&](int64_t channel, int64_t first, int64_t last) HWY_ATTR {
      Places places = make_places(channel);
      if (layout.inner == 1) {
        count_column(layout, x, channel, first, last, places, counter);
      } else {
        count_runs(layout, x, channel, first, last, places, counter);
      }
      const std::lock_guard lock(mutex);
      counter.add_to(places, counts + channel * counts_of_channel);
    });
  });
}

}  // namespace pare::backends::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // PARE_BACKENDS_CPU_COUNTING_INL_H_
