// ops/same_bits.h: for tests: whether two ways of computing give the same.
//
//   EXPECT_TRUE(same_bits(found, expected));

#ifndef PARE_OPS_SAME_BITS_H_
#define PARE_OPS_SAME_BITS_H_

#include <ATen/core/Tensor.h>

namespace pare::ops {

// Of one type and shape, and bit for bit the same, the sign of a zero too; a NaN is any NaN. Both undefined as well.
inline bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  if (!at::isFloatingType(a.scalar_type())) return a.equal(b);
  const at::Tensor same_numbers = a.eq(b).logical_and(a.signbit().eq(b.signbit()));
  return same_numbers.logical_or(a.isnan().logical_and(b.isnan())).all().item<bool>();
}

}  // namespace pare::ops

#endif  // PARE_OPS_SAME_BITS_H_
