#include "tests/custom_backend/counting_backend.h"

namespace custom_backend {
namespace {

[[maybe_unused]] const absl::Status registered = register_counting_backend();

}  // namespace
}  // namespace custom_backend
