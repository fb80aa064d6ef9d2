// tools/cli/explain_command.h: `pare explain-config`: what a config would do to which layer of a model.

#ifndef PARE_TOOLS_CLI_EXPLAIN_COMMAND_H_
#define PARE_TOOLS_CLI_EXPLAIN_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command explain_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_EXPLAIN_COMMAND_H_
