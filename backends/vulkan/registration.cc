// Linked with `alwayslink`: registers the vulkan backend before main().

#include "backends/vulkan/backend.h"

namespace pare::backends {
namespace {

[[maybe_unused]] const bool registered = register_vulkan_backend().ok();

}  // namespace
}  // namespace pare::backends
