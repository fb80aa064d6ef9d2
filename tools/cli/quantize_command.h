// tools/cli/quantize_command.h: `pare quantize`: calibrates a model on a few images and writes it quantized.

#ifndef PARE_TOOLS_CLI_QUANTIZE_COMMAND_H_
#define PARE_TOOLS_CLI_QUANTIZE_COMMAND_H_

#include "tools/cli/command.h"

namespace pare::tools {

Command quantize_command();

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_QUANTIZE_COMMAND_H_
