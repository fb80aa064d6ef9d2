// tools/cli/all_commands.h: the commands of `pare`, in the order of its help.

#ifndef PARE_TOOLS_CLI_ALL_COMMANDS_H_
#define PARE_TOOLS_CLI_ALL_COMMANDS_H_

#include <vector>

#include "tools/cli/command.h"

namespace pare::tools {

// They need the exporters and the methods registered: export/register_exporters.h,
// compression/quantization/register_quantization.h.
std::vector<Command> all_commands();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_ALL_COMMANDS_H_
