#include "tools/common/program.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace pare::tools {

void start_program() { signal(SIGXFSZ, SIG_IGN); }

void return_to_users_folder() {
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  if (folder != nullptr && chdir(folder) != 0) log_warning(absl::StrCat("cannot change to ", folder));
}

}  // namespace pare::tools
