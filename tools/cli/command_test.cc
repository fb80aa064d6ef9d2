#include "tools/cli/command.h"

#include <sstream>
#include <stdexcept>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/cli/flags.h"
#include "tools/cli/usage_error.h"

namespace pare::tools {
namespace {

using ::testing::HasSubstr;

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() {
    Command weigh;
    weigh.name = "weigh";
    weigh.arguments = "THING";
    weigh.min_arguments = 1;
    weigh.max_arguments = 1;
    weigh.summary = "tells the weight";
    weigh.description = "Tells what a thing weighs.";
    weigh.examples = {"weigh stone --epochs=3"};
    weigh.flags = {"epochs", "resume", "output", "input_shape"};
    weigh.run = [this](const std::vector<std::string>& arguments) -> absl::StatusOr<CommandResult> {
      arguments_ = arguments;
      if (!status_.ok()) return status_;
      return CommandResult{"3 kg\n", {{"kg", 3}}};
    };
    commands_ = {weigh};
  }

  int run(const std::vector<std::string>& words) {
    out_.str("");
    error_.str("");
    return run_command_line(words, commands_, out_, error_);
  }
  std::string out() const { return out_.str(); }
  std::string error() const { return error_.str(); }

  std::vector<Command> commands_;
  std::vector<std::string> arguments_;
  absl::Status status_;

 private:
  std::ostringstream out_, error_;
  absl::FlagSaver restores_flags_;
};

TEST_F(CommandLine, RunsACommandWithItsFlagsAndArguments) {
  EXPECT_EQ(run({"weigh", "--epochs=3", "stone", "--output", "x.onnx", "--resume"}), 0);
  EXPECT_EQ(out(), "3 kg\n");
  EXPECT_EQ(error(), "");
  EXPECT_EQ(arguments_, std::vector<std::string>{"stone"});
  EXPECT_EQ(absl::GetFlag(FLAGS_epochs), 3);
  EXPECT_EQ(absl::GetFlag(FLAGS_output), "x.onnx");
  EXPECT_TRUE(absl::GetFlag(FLAGS_resume));
  EXPECT_EQ(run({"weigh", "stone", "--noresume", "--input-shape=1,2"}), 0);
  EXPECT_FALSE(absl::GetFlag(FLAGS_resume));
  EXPECT_EQ(absl::GetFlag(FLAGS_input_shape), (std::vector<std::string>{"1", "2"}));
}

TEST_F(CommandLine, AfterTwoDashesEverythingIsAnArgument) {
  EXPECT_EQ(run({"weigh", "--", "--epochs"}), 0);
  EXPECT_EQ(arguments_, std::vector<std::string>{"--epochs"});
}

TEST_F(CommandLine, JsonHoldsTheResultOrTheError) {
  EXPECT_EQ(run({"weigh", "stone", "--json"}), 0);
  EXPECT_EQ(out(), "{\"kg\":3}\n");
  status_ = absl::NotFoundError("no stone");
  EXPECT_EQ(run({"weigh", "stone", "--json"}), 1);
  EXPECT_EQ(out(), "{\"error\":{\"code\":\"NOT_FOUND\",\"message\":\"no stone\"}}\n");
  EXPECT_EQ(error(), "pare weigh: no stone\n");
}

TEST_F(CommandLine, ExitCodesTellFailureFromInterruption) {
  status_ = absl::InternalError("broken");
  EXPECT_EQ(run({"weigh", "stone"}), 1);
  EXPECT_EQ(out(), "");
  status_ = absl::CancelledError("stopped");
  EXPECT_EQ(run({"weigh", "stone"}), 130);
}

TEST_F(CommandLine, AnExceptionIsAnErrorLikeAnyOther) {
  commands_[0].run = [](const std::vector<std::string>&) -> absl::StatusOr<CommandResult> {
    throw std::out_of_range("no such weight");
  };
  EXPECT_EQ(run({"weigh", "stone", "--json"}), 1);
  EXPECT_THAT(error(), HasSubstr("no such weight"));
  EXPECT_THAT(out(), HasSubstr("{\"error\":{\"code\":\"INVALID_ARGUMENT\""));
  commands_[0].run = [](const std::vector<std::string>&) -> absl::StatusOr<CommandResult> { throw 7; };
  EXPECT_EQ(run({"weigh", "stone"}), 1);
}

TEST_F(CommandLine, WhatIsNoUtf8IsReplacedInJson) {
  commands_[0].run = [](const std::vector<std::string>&) -> absl::StatusOr<CommandResult> {
    return CommandResult{"", {{"file", "a\xff.pt"}}};
  };
  EXPECT_EQ(run({"weigh", "stone", "--json"}), 0);
  EXPECT_EQ(out(), "{\"file\":\"a\xEF\xBF\xBD.pt\"}\n");
  commands_[0].run = [](const std::vector<std::string>&) -> absl::StatusOr<CommandResult> {
    return absl::NotFoundError("a\xff.pt");
  };
  EXPECT_EQ(run({"weigh", "stone", "--json"}), 1);
  EXPECT_THAT(out(), HasSubstr("a\xEF\xBF\xBD.pt"));
}

TEST_F(CommandLine, AWrongCommandLineIsAnErrorInJsonToo) {
  status_ = usage_error("--output is missing");
  EXPECT_EQ(run({"weigh", "stone", "--json"}), 2);
  EXPECT_EQ(out(), "{\"error\":{\"code\":\"INVALID_ARGUMENT\",\"message\":\"--output is missing\"}}\n");
  EXPECT_THAT(error(), HasSubstr("try: pare weigh --help"));
  EXPECT_EQ(run({"weigh", "stone", "--json", "--epoch=3"}), 2);
  EXPECT_THAT(out(), HasSubstr("did you mean --epochs?"));
  EXPECT_EQ(run({"wiegh", "--json"}), 2);
  EXPECT_THAT(out(), HasSubstr("did you mean 'weigh'?"));
  EXPECT_EQ(run({"weigh", "stone"}), 2);
  EXPECT_EQ(out(), "");
}

TEST_F(CommandLine, AWrongCommandLineIsNamedWithTheNearestRightWord) {
  EXPECT_EQ(run({"wiegh", "stone"}), 2);
  EXPECT_THAT(error(), HasSubstr("no command 'wiegh'; did you mean 'weigh'?"));
  EXPECT_EQ(run({"weigh", "stone", "--epoch=3"}), 2);
  EXPECT_THAT(error(), HasSubstr("no flag --epoch; did you mean --epochs?"));
  EXPECT_EQ(run({"weigh", "stone", "--learning_rate=3"}), 2);
  EXPECT_EQ(run({"weigh", "stone", "--epochs=many"}), 2);
  EXPECT_THAT(error(), HasSubstr("--epochs=many"));
  EXPECT_EQ(run({"weigh", "stone", "--epochs"}), 2);
  EXPECT_THAT(error(), HasSubstr("--epochs needs a value"));
  EXPECT_EQ(run({"weigh"}), 2);
  EXPECT_THAT(error(), HasSubstr("needs THING"));
  EXPECT_EQ(run({"weigh", "stone", "feather"}), 2);
  EXPECT_THAT(error(), HasSubstr("'feather'"));
  EXPECT_EQ(run({"weigh", "stone", "-x"}), 2);
  EXPECT_EQ(run({}), 2);
  EXPECT_TRUE(arguments_.empty());
}

TEST_F(CommandLine, HelpIsForAllCommandsAndForOne) {
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out(), HasSubstr("weigh  tells the weight"));
  for (const std::vector<std::string>& words : {std::vector<std::string>{"weigh", "--help"}, {"help", "weigh"}}) {
    EXPECT_EQ(run(words), 0);
    EXPECT_THAT(out(), HasSubstr("usage: pare weigh THING"));
    EXPECT_THAT(out(), HasSubstr("pare weigh stone --epochs=3"));
    EXPECT_THAT(out(), HasSubstr("--epochs=1\n"));
    EXPECT_THAT(out(), HasSubstr("--json"));
  }
  EXPECT_TRUE(arguments_.empty());
}

}  // namespace
}  // namespace pare::tools
