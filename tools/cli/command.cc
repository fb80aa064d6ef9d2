#include "tools/cli/command.h"

#include <algorithm>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/torch_guard.h"
#include "config/nearest.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"
#include "tools/common/cpu_memory.h"

namespace pare::tools {

namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kInterrupted = 130;

std::vector<std::string> flags_of(const Command& command) {
  std::vector<std::string> flags = command.flags;
  flags.insert(flags.end(), {"caching_allocator", "cpu_memory_limit_mb", "json", "quiet"});
  return flags;
}

absl::Status unknown_flag(const Command& command, const std::string& name) {
  const std::vector<std::string> flags = flags_of(command);
  const std::string nearest = config::nearest(name, flags);
  return absl::InvalidArgumentError(
      absl::StrCat("pare ", command.name, " has no flag --", name,
                   nearest.empty() ? "" : absl::StrCat("; did you mean --", nearest, "?")));
}

bool is_boolean(const absl::CommandLineFlag& flag) { return flag.IsOfType<bool>(); }

// Sets the flags among `words`, and returns the other words; "help" among the flags sets *help.
absl::StatusOr<std::vector<std::string>> parse(const Command& command, const std::vector<std::string>& words,
                                               bool* help) {
  const std::vector<std::string> flags = flags_of(command);
  std::vector<std::string> arguments;
  bool flags_ended = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (flags_ended || word.size() < 2 || word[0] != '-') {
      arguments.push_back(word);
      continue;
    }
    if (word == "--") {
      flags_ended = true;
      continue;
    }
    if (word == "--help" || word == "-h") {
      *help = true;
      continue;
    }
    if (!absl::StartsWith(word, "--")) return absl::InvalidArgumentError(absl::StrCat("unknown flag ", word));
    const size_t equals = word.find('=');
    std::string name = word.substr(2, equals == std::string::npos ? std::string::npos : equals - 2);
    std::replace(name.begin(), name.end(), '-', '_');
    std::string value;
    const auto is_ours = [&](const std::string& each) { return std::count(flags.begin(), flags.end(), each) > 0; };
    if (equals == std::string::npos && absl::StartsWith(name, "no") && !is_ours(name) && is_ours(name.substr(2)) &&
        is_boolean(*absl::FindCommandLineFlag(name.substr(2)))) {
      name = name.substr(2);
      value = "false";
    } else if (!is_ours(name)) {
      return unknown_flag(command, name);
    } else if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (is_boolean(*absl::FindCommandLineFlag(name))) {
      value = "true";
    } else if (i + 1 < words.size()) {
      value = words[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("--", name, " needs a value"));
    }
    std::string error;
    if (!absl::FindCommandLineFlag(name)->ParseFrom(value, &error)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, "=", value, ": ", error.empty() ? "no value of the flag's type" : error));
    }
  }
  return arguments;
}

absl::Status check_number_of_arguments(const Command& command, const std::vector<std::string>& arguments) {
  if (arguments.size() < command.min_arguments) {
    return absl::InvalidArgumentError(absl::StrCat("pare ", command.name, " needs ", command.arguments,
                                                   ", and was given ", arguments.size(),
                                                   arguments.size() == 1 ? " argument" : " arguments"));
  }
  if (arguments.size() > command.max_arguments) {
    return absl::InvalidArgumentError(
        absl::StrCat("pare ", command.name, " does not know what to do with '", arguments[command.max_arguments], "'"));
  }
  return absl::OkStatus();
}

// A file name in it need not be UTF-8.
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

void print_error_as_json(const absl::Status& status, std::ostream& out) {
  out << text_of(
      {{"error", {{"code", absl::StatusCodeToString(status.code())}, {"message", std::string(status.message())}}}});
}

// `words` may not have been understood: a look at them tells whether a program is to read the answer.
int wrong_usage(const absl::Status& status, const std::string& command, const std::vector<std::string>& words,
                std::ostream& out, std::ostream& error) {
  error << "pare" << (command.empty() ? "" : " ") << command << ": " << status.message() << "\n"
        << "try: pare " << command << (command.empty() ? "" : " ") << "--help\n";
  if (std::count(words.begin(), words.end(), "--json") > 0) print_error_as_json(status, out);
  return kWrongUsage;
}

int run(const Command& command, const std::vector<std::string>& arguments, const std::vector<std::string>& words,
        std::ostream& out, std::ostream& error) {
  const bool json = absl::GetFlag(FLAGS_json);
  set_quiet(absl::GetFlag(FLAGS_quiet));
  const absl::Status memory =
      set_up_cpu_memory(absl::GetFlag(FLAGS_caching_allocator), absl::GetFlag(FLAGS_cpu_memory_limit_mb));
  if (!memory.ok()) return wrong_usage(memory, command.name, words, out, error);
  absl::StatusOr<CommandResult> result = absl::UnknownError("");
  // An exception that no call has caught below must end in a message, too.
  const absl::Status thrown = guard_torch("unexpected", [&] { result = command.run(arguments); });
  if (!thrown.ok()) result = thrown;
  if (is_usage_error(result.status())) return wrong_usage(result.status(), command.name, words, out, error);
  if (!result.ok()) {
    error << "pare " << command.name << ": " << result.status().message() << "\n";
    if (json) print_error_as_json(result.status(), out);
    return result.status().code() == absl::StatusCode::kCancelled ? kInterrupted : kFailed;
  }
  if (json) {
    if (!result->json.is_null()) out << text_of(result->json);
  } else {
    out << result->text;
  }
  out.flush();
  if (!out) {
    error << "pare " << command.name << ": the result could not be written to standard output\n";
    return kFailed;
  }
  return kDone;
}

}  // namespace

std::string help_text(const std::vector<Command>& commands) {
  std::string text =
      "pare makes neural networks smaller and faster: quantization of trained models, with and without training.\n\n"
      "usage: pare COMMAND [ARGUMENTS] [--FLAGS]\n\n";
  size_t width = 0;
  for (const Command& command : commands) width = std::max(width, command.name.size());
  for (const Command& command : commands) {
    absl::StrAppend(&text, "  ", command.name, std::string(width + 2 - command.name.size(), ' '), command.summary,
                    "\n");
  }
  absl::StrAppend(&text,
                  "\npare COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n");
  return text;
}

std::string help_text(const Command& command) {
  std::string text = absl::StrCat("usage: pare ", command.name, command.arguments.empty() ? "" : " ", command.arguments,
                                  " [--FLAGS]\n\n", command.description, "\n\nexamples:\n");
  for (const std::string& example : command.examples) absl::StrAppend(&text, "  pare ", example, "\n");
  absl::StrAppend(&text, "\nflags:\n");
  for (const std::string& name : flags_of(command)) {
    const absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    const std::string value = flag->DefaultValue();
    absl::StrAppend(&text, "  --", name, value.empty() ? "" : absl::StrCat("=", value), "\n      ", flag->Help(), "\n");
  }
  return text;
}

int run_command_line(const std::vector<std::string>& words, const std::vector<Command>& commands, std::ostream& out,
                     std::ostream& error) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || (words[0] == "help" && words.size() == 1)) {
    (words.empty() ? error : out) << help_text(commands);
    return words.empty() ? kWrongUsage : kDone;
  }
  const bool wants_help = words[0] == "help";
  const std::string& name = words[wants_help ? 1 : 0];
  const auto command = std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == name; });
  if (command == commands.end()) {
    std::vector<std::string> names;
    for (const Command& each : commands) names.push_back(each.name);
    const std::string nearest = config::nearest(name, names);
    return wrong_usage(usage_error(absl::StrCat("no command '", name, "'",
                                                nearest.empty() ? absl::StrCat(", only ", absl::StrJoin(names, ", "))
                                                                : absl::StrCat("; did you mean '", nearest, "'?"))),
                       "", words, out, error);
  }
  bool help = wants_help;
  const absl::StatusOr<std::vector<std::string>> arguments =
      parse(*command, {words.begin() + (wants_help ? 2 : 1), words.end()}, &help);
  if (help) {
    out << help_text(*command);
    return kDone;
  }
  if (!arguments.ok()) return wrong_usage(arguments.status(), command->name, words, out, error);
  if (const absl::Status status = check_number_of_arguments(*command, *arguments); !status.ok()) {
    return wrong_usage(status, command->name, words, out, error);
  }
  return run(*command, *arguments, words, out, error);
}

}  // namespace pare::tools
