#include "compression/pruning/register_pruning.h"

#include "compression/pruning/filter_pruning.h"
#include "compression/registry.h"

namespace pare::pruning {

void register_pruning() { register_algorithm<FilterPruning>("filter_pruning"); }

}  // namespace pare::pruning
