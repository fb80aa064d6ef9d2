#include "tests/processes/part_loader.h"

#include "tools/common/open_data.h"

namespace pare::tests {

absl::StatusOr<std::unique_ptr<data::ImageLoader>> part_loader(data::Split split, ProcessGroup* group) {
  const bool trains = split == data::Split::kTrain;
  data::ImageLoaderOptions options{
      .batch_size = 16, .shuffle = trains, .seed = 3, .num_workers = 0, .subset_size = trains ? 58 : 30};
  if (group != nullptr) options.shard = {group->rank(), group->size()};
  return tools::open_loader({.name = "procedural"}, split, options);
}

}  // namespace pare::tests
