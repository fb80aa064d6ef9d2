// tools/cli/command.h: the frame of the `pare` command: subcommands, their flags and help, exit codes.
//
//   const std::vector<Command> commands = {eval_command(), quantize_command()};
//   int main(int argc, char** argv) { return run_command_line({argv + 1, argv + argc}, commands, std::cout, std::cerr);
//   }
//
// A command's flags are absl flags (tools/cli/flags.h), of which each command takes those that it lists; the words that
// are no flags are its arguments. `--flag=value`, `--flag value`, `--flag` and `--noflag` (booleans) are understood,
// and `--` ends the flags.
//
// Every command takes --help, --json (the result as one JSON object on standard output, an error as {"error": {"code",
// "message"}}), --quiet, and --caching_allocator and --cpu_memory_limit_mb (tools/common/cpu_memory.h). Results go to
// standard output, everything else to standard error. Exit codes:
//   0    done
//   1    it could not be done: bad input, a full disk; the message says what
//   2    the command line is wrong: an unknown word, a flag that is missing or out of its range
//   (tools/cli/usage_error.h) 130  interrupted

#ifndef PARE_TOOLS_CLI_COMMAND_H_
#define PARE_TOOLS_CLI_COMMAND_H_

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace pare::tools {

// What a command has to say, for people and for programs; nothing where another process says it.
struct CommandResult {
  std::string text;
  nlohmann::ordered_json json;
};

struct Command {
  std::string name;       // "eval"
  std::string arguments;  // "MODEL", for the usage line
  size_t min_arguments = 0;
  size_t max_arguments = 0;
  std::string summary;                // a line
  std::string description;            // paragraphs, without a line break at the end
  std::vector<std::string> examples;  // without "pare"
  std::vector<std::string> flags;     // names of absl flags
  std::function<absl::StatusOr<CommandResult>(const std::vector<std::string>& arguments)> run;
};

// Runs what `words` (the command line without the program's name) say and returns the exit code.
int run_command_line(const std::vector<std::string>& words, const std::vector<Command>& commands, std::ostream& out,
                     std::ostream& error);

// What --help prints: of all commands, and of one.
std::string help_text(const std::vector<Command>& commands);
std::string help_text(const Command& command);

}  // namespace pare::tools

#endif  // PARE_TOOLS_CLI_COMMAND_H_
