#include "tools/cli/all_commands.h"

#include "tools/cli/backends_command.h"
#include "tools/cli/demo_command.h"
#include "tools/cli/eval_command.h"
#include "tools/cli/explain_command.h"
#include "tools/cli/inspect_command.h"
#include "tools/cli/quantize_command.h"
#include "tools/cli/train_command.h"

namespace pare::tools {

std::vector<Command> all_commands() {
  return {demo_command(),    eval_command(),    quantize_command(), train_command(),
          inspect_command(), explain_command(), backends_command()};
}

}  // namespace pare::tools
