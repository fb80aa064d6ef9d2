// tools/cli/export_command.h: `pare export`: a model file from a training's checkpoint.

#ifndef PARE_TOOLS_CLI_EXPORT_COMMAND_H_
#define PARE_TOOLS_CLI_EXPORT_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command export_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_EXPORT_COMMAND_H_
