#include "tools/cli/all_commands.h"

#include <string>
#include <utility>
#include <vector>

#include "tools/cli/backends_command.h"
#include "tools/cli/demo_command.h"
#include "tools/cli/eval_command.h"
#include "tools/cli/explain_command.h"
#include "tools/cli/export_command.h"
#include "tools/cli/inspect_command.h"
#include "tools/cli/launch_command.h"
#include "tools/cli/quantize_command.h"
#include "tools/cli/train_command.h"

namespace pare::tools {

std::vector<Command> all_commands() {
  std::vector<Command> commands = {demo_command(),   eval_command(),    quantize_command(), train_command(),
                                   export_command(), inspect_command(), explain_command(),  backends_command()};
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  commands.push_back(launch_command(std::move(names)));
  return commands;
}

}  // namespace pare::tools
