// tools/cli/demo_command.h: `pare demo`: the whole way on images that it draws itself.

#ifndef PARE_TOOLS_CLI_DEMO_COMMAND_H_
#define PARE_TOOLS_CLI_DEMO_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command demo_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_DEMO_COMMAND_H_
