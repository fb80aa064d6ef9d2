#include "training/interrupt.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace pare::training {
namespace {

TEST(InterruptGuard, RemembersASignalInsteadOfDying) {
  InterruptGuard guard;
  EXPECT_FALSE(guard.requested());
  EXPECT_EQ(guard.signal_name(), "");
  raise(SIGTERM);
  EXPECT_TRUE(guard.requested());
  EXPECT_EQ(guard.signal_name(), "SIGTERM");
}

TEST(InterruptGuard, ATerminalThatClosesIsASignalToo) {
  auto* previous = signal(SIGHUP, SIG_DFL);
  {
    InterruptGuard guard;
    raise(SIGHUP);
    EXPECT_EQ(guard.signal_name(), "SIGHUP");
  }
  EXPECT_EQ(signal(SIGHUP, previous), SIG_DFL);
}

TEST(InterruptGuard, ANewGuardStartsWithoutTheOldSignal) {
  {
    InterruptGuard guard;
    raise(SIGINT);
    EXPECT_EQ(guard.signal_name(), "SIGINT");
  }
  InterruptGuard guard;
  EXPECT_FALSE(guard.requested());
}

TEST(InterruptGuard, NestedGuardsShareTheFlag) {
  InterruptGuard outer;
  {
    InterruptGuard inner;
    raise(SIGINT);
  }
  EXPECT_TRUE(outer.requested());
}

TEST(InterruptGuard, TheHandlersFromBeforeComeBack) {
  static int calls;
  calls = 0;
  auto* previous = signal(SIGINT, [](int) { ++calls; });
  {
    InterruptGuard guard;
    raise(SIGINT);
    EXPECT_EQ(calls, 0);
  }
  raise(SIGINT);
  EXPECT_EQ(calls, 1);
  signal(SIGINT, previous);
}

TEST(InterruptGuard, AnIgnoredSignalStaysIgnored) {
  auto* previous = signal(SIGINT, SIG_IGN);
  {
    InterruptGuard guard;
    raise(SIGINT);
    EXPECT_FALSE(guard.requested());
    raise(SIGTERM);
    EXPECT_EQ(guard.signal_name(), "SIGTERM");
    raise(SIGINT);  // would end the test if SIGTERM had put the default action in the place of ignoring it
  }
  EXPECT_EQ(signal(SIGINT, previous), SIG_IGN);
}

TEST(InterruptGuardDeathTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        InterruptGuard guard;
        raise(SIGINT);
        raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace pare::training
