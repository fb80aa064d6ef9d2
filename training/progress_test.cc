#include "training/progress.h"

#include <gtest/gtest.h>

#include <string>

namespace pare::training {
namespace {

// Progress on a terminal or not, with a clock that the test sets.
class ProgressTest : public testing::Test {
 protected:
  ProgressOptions options(bool terminal) {
    return {.terminal = terminal,
            .write = [this](std::string_view text) { text_ += text; },
            .clock = [this] { return now_; }};
  }
  std::string take() { return std::exchange(text_, ""); }

  std::string text_;
  double now_ = 100.0;
};

TEST_F(ProgressTest, PlainLinesComeAtTenthsAndNotMoreOftenThanTenSeconds) {
  Progress progress("epoch", 100, options(false));
  now_ += 11.0;
  progress.update(9);
  EXPECT_EQ(take(), "") << "a tenth is not done yet";
  progress.update(10, "loss 1");
  EXPECT_EQ(take(), "epoch: 10/100, loss 1, 1m39s left\n");
  now_ += 5.0;
  progress.update(20);
  EXPECT_EQ(take(), "") << "five seconds after the last line";
  now_ += 5.0;
  progress.update(40);
  EXPECT_EQ(take(), "epoch: 40/100, 32s left\n");
  now_ += 9.0;
  progress.finish("loss 0.5");
  EXPECT_EQ(take(), "epoch: loss 0.5 (30s)\n");
}

TEST_F(ProgressTest, WhatWasDoneBeforeTakesNoTime) {
  Progress progress("epoch", 100, options(false));
  progress.start_at(50);
  now_ += 20.0;
  progress.update(60);
  EXPECT_EQ(take(), "epoch: 60/100, 1m20s left\n") << "two seconds each, not a third of one";
}

TEST_F(ProgressTest, TheTerminalsLineIsDrawnOverAndOver) {
  Progress progress("e", 4, options(true));
  progress.update(2, "note");
  EXPECT_EQ(take(), "\re [============            ] 2/4  note, 0s left");
  now_ += 0.05;
  progress.update(3);
  EXPECT_EQ(take(), "") << "too soon after the last drawing";
  now_ += 0.06;
  progress.update(3);
  const std::string line = take();
  EXPECT_EQ(line.rfind("\re [==================      ] 3/4, 0s left", 0), 0u) << line;
  EXPECT_EQ(line.size(), std::string("\re [============            ] 2/4  note, 0s left").size())
      << "blanks wipe out what was longer";
  progress.finish();
  EXPECT_EQ(take().rfind("\re (0s)", 0), 0u);
}

TEST_F(ProgressTest, AnUnfinishedBarIsWipedOut) {
  {
    Progress progress("e", 4, options(true));
    progress.update(1);
    take();
  }
  const std::string wiped = take();
  EXPECT_EQ(wiped.front(), '\r');
  EXPECT_EQ(wiped.find_first_not_of("\r "), std::string::npos);
}

TEST_F(ProgressTest, CountsWhereTheTotalIsUnknown) {
  Progress progress("read", 0, options(true));
  progress.update(7);
  EXPECT_EQ(take(), "\rread 7");
}

TEST_F(ProgressTest, QuietShowsNothing) {
  ProgressOptions quiet = options(true);
  quiet.quiet = true;
  {
    Progress progress("e", 4, quiet);
    progress.update(1);
    progress.finish();
  }
  EXPECT_EQ(take(), "");
}

}  // namespace
}  // namespace pare::training
