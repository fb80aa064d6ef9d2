// compression/pruning/axis_role.h: what becomes of an axis further on, as far as attention goes.
//
//   axis_role(*reshape->output(), 3, values)   // of [B, tokens, 3, heads, width]: kBatch
//
// A reshape that takes an axis apart (the output of a layer into heads times width) leaves one of the new axes to
// remove from. Heads are what is meant: the axis over which a product of two activations goes in parallel.

#ifndef PARE_COMPRESSION_PRUNING_AXIS_ROLE_H_
#define PARE_COMPRESSION_PRUNING_AXIS_ROLE_H_

#include "compression/pruning/label_rules.h"

namespace pare::pruning {

// From the least wanted to the most.
enum class AxisRole {
  kTakenApart,  // its indices go different ways (select, unbind, split, slice): nothing may be removed from it
  kContracted,  // summed over in a product of activations
  kOther,
  kBatch,  // a product of activations is done for each of its indices
};

// Follows the value through operators that move axes, up to products. If the ways differ: kTakenApart if one is that,
// else kBatch, kContracted, kOther. `values`: the shapes of all values.
AxisRole axis_role(const graph::Value& value, size_t axis, const LabelMap& values);

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_AXIS_ROLE_H_
