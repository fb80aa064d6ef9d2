// The `pare` command; see tools/cli/command.h.

#include <iostream>

#include "compression/quantization/register_quantization.h"
#include "export/register_exporters.h"
#include "tools/cli/command.h"
#include "tools/cli/demo_command.h"
#include "tools/cli/eval_command.h"
#include "tools/cli/explain_command.h"
#include "tools/cli/inspect_command.h"
#include "tools/cli/quantize_command.h"
#include "tools/cli/train_command.h"
#include "training/threads.h"

int main(int argc, char** argv) {
  pare::training::use_all_threads();
  pare::exporters::register_exporters();
  pare::quantization::register_quantization();
  const std::vector<pare::tools::Command> commands = {pare::tools::demo_command(),     pare::tools::eval_command(),
                                                      pare::tools::quantize_command(), pare::tools::train_command(),
                                                      pare::tools::inspect_command(),  pare::tools::explain_command()};
  return pare::tools::run_command_line({argv + 1, argv + argc}, commands, std::cout, std::cerr);
}
