#include "tools/common/kernels.h"

#include "absl/strings/str_cat.h"
#include "backends/all_backends.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "ops/kernel_choice.h"

namespace pare::tools {

absl::Status choose_kernels(const std::string& specification) {
  PARE_RETURN_IF_ERROR(backends::register_all_backends());
  PARE_ASSIGN_OR_RETURN(const backends::BackendChoice choice, ops::set_kernel_backend(specification));
  log_info(absl::StrCat("kernels: ", choice.name, " (", choice.reason, ")"));
  return absl::OkStatus();
}

}  // namespace pare::tools
