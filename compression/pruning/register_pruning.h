// compression/pruning/register_pruning.h: makes the method "filter_pruning" known.
//
// The target //compression/pruning:register_pruning does so by being linked in; call this where static linking drops
// objects that nothing refers to.

#ifndef PARE_COMPRESSION_PRUNING_REGISTER_PRUNING_H_
#define PARE_COMPRESSION_PRUNING_REGISTER_PRUNING_H_

namespace pare::pruning {

// Again and again is fine.
void register_pruning();

}  // namespace pare::pruning

#endif  // PARE_COMPRESSION_PRUNING_REGISTER_PRUNING_H_
