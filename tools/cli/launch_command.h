// tools/cli/launch_command.h: `pare launch`: a program in several processes that train together.

#ifndef PARE_TOOLS_CLI_LAUNCH_COMMAND_H_
#define PARE_TOOLS_CLI_LAUNCH_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

// `command_names`: the words that stand for a command of this program.
Command launch_command(std::vector<std::string> command_names);

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_LAUNCH_COMMAND_H_
