// backends/vulkan/call.h: one call of a kernel: its tensors as buffers, its dispatches, its errors.
//
// How to write a kernel. The shader, shaders/negate.comp:
//
//   #version 450
//   #extension GL_GOOGLE_include_directive : require
//   #include "elements.glsl"
//   layout(push_constant) uniform Push { uint count; };
//   READS(0, x)
//   WRITES(1, y)
//   void main() {
//     for (uint i = FIRST_GROUP; i < GROUPS(count); i += GROUP_STRIDE) y[i] = pack(-unpack(x[i]));
//   }
//
// in a glsl_library (bazel/glsl.bzl) with hdrs = ["shaders/elements.glsl"] and variants such as
// "negate_f32": "negate.comp ELEMENT_F32". The kernel, negate.cc:
//
//   absl::Status negate(const Execution&, const Layout& layout, const float* x, float* y) {
//     Call call({x, y});
//     const Buffer in = call.input(x, layout.size()), out = call.output(y, layout.size());
//     for_each_piece(call, layout, sizeof(float), [&](const Piece& piece) {
//       call.dispatch(shaders::negate_f32, {piece.of(in, x), piece.of(out, y)}, piece.constants.count, {},
//                     piece.invocations);
//     });
//     return call.finish();
//   }
//
// What the Call does:
//   - A pointer is a device pointer or host memory; one call may mix them. Host memory is imported where the device
//     can and it is worth it, else copied; the call then returns when the results are there. A call with device
//     pointers only is recorded, and runs when the batch is full or someone waits.
//   - x == y in place is the same buffer, once.
//   - Every buffer begins at an offset that can be bound, and may be read and written up to a multiple of 16 bytes: no
//     shader needs to care for the last group of 4. A tensor that would have a neighbour there, or begins elsewhere
//     (a view into a device tensor), goes through a copy: right, but slower.
//   - Dispatches of one call, and of all calls before, run in order: what one wrote the next one reads. Those that
//     touch different bytes may overlap. Pass Buffer::read_only() where a dispatch only reads a scratch or an output.
//   - After an error everything else is ignored, and finish() returns it. So there is nothing to check in between.
//   - What is larger than plan().buffer_range in bytes cannot be bound at once: pass ranges of it. elementwise.h has
//     for_each_piece for that.
//   - A Call holds its device up to finish(): until then no second Call, and nothing of device.h, in the same thread.

#ifndef PARE_BACKENDS_VULKAN_CALL_H_
#define PARE_BACKENDS_VULKAN_CALL_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "backends/vulkan/buffer.h"
#include "backends/vulkan/device.h"
#include "backends/vulkan/device_plan.h"
#include "backends/vulkan/memory_block.h"
#include "backends/vulkan/pipelines.h"
#include "backends/vulkan/shader.h"

namespace pare::backends::vulkan {

class Call {
 public:
  // On the device that the pointers belong to; if all are host memory (or null), on `host_device`, and if that is null
  // on the selected one. Pointers to two devices are InvalidArgument.
  explicit Call(std::initializer_list<const void*> pointers, Device* host_device = nullptr);
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  // What finish() does, it does only there: without it there are no results.
  ~Call();

  // How the device is used: local size, subgroups and so on. Of no meaning after an error.
  const DevicePlan& plan() const;

  // The tensor as the kernel sees it: only read, only written (all of it), or both. Of 0 elements: some buffer, that
  // is not to be touched, and a pointer that may be null.
  template <typename T>
  Buffer input(const T* pointer, int64_t count) {
    return bind(const_cast<T*>(pointer), count * sizeof(T), true, false);
  }
  template <typename T>
  Buffer output(T* pointer, int64_t count) {
    return bind(pointer, count * sizeof(T), false, true);
  }
  template <typename T>
  Buffer in_out(T* pointer, int64_t count) {
    return bind(pointer, count * sizeof(T), true, true);
  }

  // Memory until the end of the call, of undefined content.
  Buffer scratch(uint64_t bytes);
  // Sets every 32-bit word; of a buffer that ends between words, up to 3 bytes more.
  void fill(const Buffer& buffer, uint32_t value);
  // from.bytes bytes; the two do not overlap. No alignment is asked for.
  void copy(const Buffer& from, const Buffer& to);
  // Constants of the call for a shader, at most 64 KiB; a multiple of 4 bytes.
  Buffer constants(const void* data, uint64_t bytes);

  // Runs the shader in at least `invocations` invocations, or in fewer that loop: the shader has a grid-stride loop.
  // Nothing for 0. Push constants are a struct as the shader's block, at most 128 bytes; `constants` are the
  // specialization constants 1, 2, ... as words.
  template <typename Push>
  void dispatch(const Shader& shader, absl::Span<const Buffer> buffers, const Push& push,
                absl::Span<const uint32_t> constants, uint64_t invocations) {
    dispatch_groups(shader, buffers, push, constants, loop_groups(invocations));
  }
  // The same in exactly that many workgroups, at most plan().max_groups: for reductions.
  template <typename Push>
  void dispatch_groups(const Shader& shader, absl::Span<const Buffer> buffers, const Push& push,
                       absl::Span<const uint32_t> constants, uint64_t groups) {
    static_assert(std::is_trivially_copyable_v<Push> && sizeof(Push) <= kMaxPushConstantBytes && sizeof(Push) % 4 == 0);
    record(shader, buffers, absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(&push), sizeof(Push)), constants,
           groups);
  }

  // Waits, and brings buffer.bytes bytes to the host: for kernels whose next step the host decides.
  absl::Status read(const Buffer& buffer, void* to);

  // For the kernel's own errors; the first one counts.
  void fail(absl::Status status) { status_.Update(status); }
  bool ok() const { return status_.ok(); }

  // Brings results to where the caller wants them, and lets go of the device and all that the call took. Nothing can be
  // recorded afterwards.
  absl::Status finish();

 private:
  // A tensor that is not bound where it lies.
  struct Mirror {
    char* pointer;  // the caller's
    uint64_t bytes;
    bool host;
    bool filled = false;
    bool write_back = false;
    Buffer buffer;
    std::unique_ptr<MemoryBlock> import;  // buffer is this; else it is scratch
  };

  bool usable() const { return state_ != nullptr && status_.ok(); }
  void release();
  Buffer bind(const void* pointer, uint64_t bytes, bool read, bool written);
  absl::StatusOr<Buffer> bind_mirror(char* pointer, uint64_t bytes, bool host, bool read, bool written);
  absl::Status fill_mirror(Mirror& mirror);
  bool can_import(const char* pointer, uint64_t bytes) const;
  void import(Mirror& mirror);
  absl::StatusOr<Buffer> take_scratch(uint64_t bytes);
  absl::Status write_back();
  uint64_t loop_groups(uint64_t invocations) const;
  void record(const Shader& shader, absl::Span<const Buffer> buffers, absl::Span<const uint8_t> push,
              absl::Span<const uint32_t> constants, uint64_t groups);

  absl::Status status_;
  DeviceState* state_ = nullptr;  // locked
  std::vector<Mirror> mirrors_;
  std::vector<char*> scratch_;
  bool host_memory_ = false;  // takes part
  bool dispatched_ = false;
};

}  // namespace pare::backends::vulkan

#endif  // PARE_BACKENDS_VULKAN_CALL_H_
