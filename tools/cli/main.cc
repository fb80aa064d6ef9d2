// The `pare` command; see tools/cli/command.h.

#include <iostream>

#include "compression/all_methods.h"
#include "export/register_exporters.h"
#include "tools/cli/all_commands.h"
#include "tools/cli/command.h"
#include "tools/common/program.h"
#include "training/threads.h"

int main(int argc, char** argv) {
  pare::tools::start_program();
  pare::tools::return_to_users_folder();
  pare::training::use_all_threads();
  pare::exporters::register_exporters();
  pare::register_all_methods();
  return pare::tools::run_command_line({argv + 1, argv + argc}, pare::tools::all_commands(), std::cout, std::cerr);
}
