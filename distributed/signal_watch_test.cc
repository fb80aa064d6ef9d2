#include "distributed/signal_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace pare {
namespace {

// The next signal, however often next() returns without one.
int wait_for_one(const SignalWatch& watch) {
  for (int i = 0; i < 100; ++i) {
    if (const int signal = watch.next(); signal != 0) return signal;
  }
  return 0;
}

TEST(SignalWatch, SeesSignalsThatAnotherThreadIsGiven) {
  // It blocks none, as a library's: without a handler it would be the one that ends the process.
  std::atomic<bool> is_over = false;
  std::thread other([&] {
    while (!is_over) usleep(1000);
  });
  auto watch = SignalWatch::start();
  ASSERT_TRUE(watch.ok()) << watch.status();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    pthread_kill(other.native_handle(), signal);
    EXPECT_EQ(wait_for_one(**watch), signal);
    kill(getpid(), signal);
    EXPECT_EQ(wait_for_one(**watch), signal);
  }
  EXPECT_EQ((*watch)->next(), 0);
  watch->reset();
  is_over = true;
  other.join();
}

TEST(SignalWatch, LeavesEverythingAsItWas) {
  struct sigaction before, after;
  sigset_t mask_before, mask_after;
  sigaction(SIGINT, nullptr, &before);
  pthread_sigmask(SIG_BLOCK, nullptr, &mask_before);
  { ASSERT_TRUE(SignalWatch::start().ok()); }
  sigaction(SIGINT, nullptr, &after);
  pthread_sigmask(SIG_BLOCK, nullptr, &mask_after);
  EXPECT_EQ(after.sa_handler, before.sa_handler);
  EXPECT_EQ(sigismember(&mask_after, SIGINT), sigismember(&mask_before, SIGINT));
}

TEST(SignalWatch, IsOneAtATime) {
  const auto first = SignalWatch::start();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(SignalWatch::start().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SignalWatch, LeavesAnIgnoredSignalIgnored) {
  signal(SIGHUP, SIG_IGN);
  {
    const auto watch = SignalWatch::start();
    ASSERT_TRUE(watch.ok());
    kill(getpid(), SIGHUP);
    struct sigaction now;
    sigaction(SIGHUP, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_IGN);
  }
  signal(SIGHUP, SIG_DFL);
}

TEST(SignalWatch, AChildIsEndedBySignalsAgain) {
  const auto watch = SignalWatch::start();
  ASSERT_TRUE(watch.ok());
  const pid_t child = fork();
  if (child == 0) {
    (*watch)->restore_in_child();
    raise(SIGTERM);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
}

}  // namespace
}  // namespace pare
