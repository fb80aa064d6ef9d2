// tools/cli/eval_command.h: `pare eval`: the accuracy of a model on a data set's test images.

#ifndef PARE_TOOLS_CLI_EVAL_COMMAND_H_
#define PARE_TOOLS_CLI_EVAL_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command eval_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_EVAL_COMMAND_H_
