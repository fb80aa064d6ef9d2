#include "backends/device_arrays.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace pare::backends {

DeviceArrays::~DeviceArrays() {
  const absl::Status status = memory_.synchronize();
  if (!status.ok()) {
    log_warning(absl::StrCat("a device failed before its arrays were freed: ", std::string(status.message())));
  }
  for (void* address : addresses_) memory_.free(address);
}

absl::StatusOr<void*> DeviceArrays::allocate(int64_t count, int64_t element_bytes) {
  if (count < 0 || count > std::numeric_limits<int64_t>::max() / element_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("an array of ", count, " elements of ", element_bytes, " bytes is not possible: ask for fewer"));
  }
  PARE_ASSIGN_OR_RETURN(void* const address, memory_.allocate(count * element_bytes));
  addresses_.push_back(address);
  return address;
}

}  // namespace pare::backends
