// backends/cpu/for_types.h: one dispatch for a kernel's functions for every type of tensor.
//
//   template <typename T>
//   struct Functions {
//     void (*forward)(const T* x, int64_t count, T* y);
//   };
//   ... in HWY_NAMESPACE:
//   template <typename T>
//   void forward(const T* x, int64_t count, T* y) { ... }
//   ForTypes<Functions> functions() { return {{forward<float>}, {forward<Half>}, {forward<BFloat16>}}; }
//   ... once:
//   HWY_EXPORT(functions);
//   std::get<Functions<T>>(HWY_DYNAMIC_DISPATCH(functions)()).forward(x, count, y);
//
// Highway's table of an exported function takes no templates.

#ifndef PARE_BACKENDS_CPU_FOR_TYPES_H_
#define PARE_BACKENDS_CPU_FOR_TYPES_H_

#include <tuple>

#include "backends/half.h"

namespace pare::backends::cpu {

template <template <typename> class Functions>
using ForTypes = std::tuple<Functions<float>, Functions<Half>, Functions<BFloat16>>;

}  // namespace pare::backends::cpu

#endif  // PARE_BACKENDS_CPU_FOR_TYPES_H_
