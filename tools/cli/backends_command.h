// tools/cli/backends_command.h: `pare backends`: what this machine can compute with.

#ifndef PARE_TOOLS_CLI_BACKENDS_COMMAND_H_
#define PARE_TOOLS_CLI_BACKENDS_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command backends_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_BACKENDS_COMMAND_H_
