// tools/cli/inspect_command.h: `pare inspect`: layers, shapes, parameters, FLOPs, and where quantizers would go.

#ifndef PARE_TOOLS_CLI_INSPECT_COMMAND_H_
#define PARE_TOOLS_CLI_INSPECT_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command inspect_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_INSPECT_COMMAND_H_
