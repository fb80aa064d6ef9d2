// tools/cli/train_command.h: `pare train`: trains with compression, by a config.

#ifndef PARE_TOOLS_CLI_TRAIN_COMMAND_H_
#define PARE_TOOLS_CLI_TRAIN_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command train_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_TRAIN_COMMAND_H_
