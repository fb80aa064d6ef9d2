#include "data/batch_prefetcher.h"

#include <ATen/ops/full.h>
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// Sanitizers put their own function in this place.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PARE_SANITIZED
#else
namespace {
// How many more threads can be started; negative: any number.
std::atomic<int> threads_left{-1};
}  // namespace

// Takes the place of the system's, which cannot be made to fail otherwise by a test that runs as root.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) {
  if (threads_left == 0) return EAGAIN;
  if (threads_left > 0) --threads_left;
  static const auto real = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, run, argument);
}
#endif

namespace pare::data {
namespace {

using ::testing::HasSubstr;

Batch numbered(int64_t number) { return {{}, at::full({1}, number, at::kLong)}; }

// The numbers of the batches that are still to come.
std::vector<int64_t> drain(BatchPrefetcher& prefetcher) {
  std::vector<int64_t> numbers;
  for (;;) {
    auto batch = prefetcher.next();
    EXPECT_TRUE(batch.ok()) << batch.status();
    if (!batch.ok() || !batch->has_value()) return numbers;
    numbers.push_back((*batch)->targets.item<int64_t>());
  }
}

class BatchPrefetcherTest : public ::testing::TestWithParam<int> {};

TEST_P(BatchPrefetcherTest, HandsOutEachBatchInOrder) {
  BatchPrefetcher prefetcher(GetParam(), 3);
  for (int pass = 0; pass < 3; ++pass) {
    ASSERT_TRUE(prefetcher.start(50, numbered).ok());
    std::vector<int64_t> expected(50);
    for (int64_t i = 0; i < 50; ++i) expected[i] = i;
    EXPECT_EQ(drain(prefetcher), expected);
    EXPECT_FALSE(prefetcher.next()->has_value());
  }
}

TEST_P(BatchPrefetcherTest, BeforeAnyPassThereIsNothing) {
  BatchPrefetcher prefetcher(GetParam(), 3);
  EXPECT_FALSE(prefetcher.next()->has_value());
  ASSERT_TRUE(prefetcher.start(0, numbered).ok());
  EXPECT_FALSE(prefetcher.next()->has_value());
}

TEST_P(BatchPrefetcherTest, StaysWithinItsBound) {
  BatchPrefetcher prefetcher(GetParam(), 3);
  std::atomic<int64_t> handed_out{0}, furthest{0};
  ASSERT_TRUE(prefetcher
                  .start(40,
                         [&](int64_t number) -> absl::StatusOr<Batch> {
                           for (int64_t lead = number - handed_out; lead > furthest;) furthest = lead;
                           return numbered(number);
                         })
                  .ok());
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(prefetcher.next()->has_value());
    // Counted after it was handed out, so that a worker may see one too few.
    ++handed_out;
  }
  EXPECT_LE(furthest, 3);
}

TEST_P(BatchPrefetcherTest, APassCanBeGivenUp) {
  BatchPrefetcher prefetcher(GetParam(), 4);
  for (int64_t pass = 0; pass < 20; ++pass) {
    ASSERT_TRUE(prefetcher.start(100, [=](int64_t number) { return numbered(1000 * pass + number); }).ok());
    for (int64_t i = 0; i < pass % 5; ++i) {
      EXPECT_EQ((*prefetcher.next())->targets.item<int64_t>(), 1000 * pass + i);
    }
  }
}

TEST_P(BatchPrefetcherTest, AnErrorComesInItsTurnAndStays) {
  BatchPrefetcher prefetcher(GetParam(), 4);
  ASSERT_TRUE(prefetcher
                  .start(10,
                         [](int64_t number) -> absl::StatusOr<Batch> {
                           if (number >= 2) return absl::DataLossError(absl::StrCat("batch ", number));
                           return numbered(number);
                         })
                  .ok());
  EXPECT_TRUE(prefetcher.next().ok());
  EXPECT_TRUE(prefetcher.next().ok());
  EXPECT_EQ(prefetcher.next().status(), absl::DataLossError("batch 2"));
  EXPECT_EQ(prefetcher.next().status(), absl::DataLossError("batch 2"));
  ASSERT_TRUE(prefetcher.start(5, numbered).ok());
  EXPECT_EQ(drain(prefetcher).size(), 5);
}

TEST_P(BatchPrefetcherTest, AnExceptionIsAnError) {
  BatchPrefetcher prefetcher(GetParam(), 2);
  ASSERT_TRUE(prefetcher.start(3, [](int64_t) -> absl::StatusOr<Batch> { throw std::runtime_error("broken"); }).ok());
  EXPECT_THAT(prefetcher.next().status().message(), HasSubstr("broken"));
}

#ifndef PARE_SANITIZED
TEST(BatchPrefetcherThreadsTest, WithoutThreadsThereIsNoPass) {
  BatchPrefetcher prefetcher(4, 3);
  threads_left = 2;
  const absl::Status status = prefetcher.start(10, numbered);
  threads_left = -1;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(status.message(), HasSubstr("worker 2 of 4 could not be started"));
  EXPECT_FALSE(prefetcher.next()->has_value());
  ASSERT_TRUE(prefetcher.start(10, numbered).ok()) << "the system has threads again";
  EXPECT_EQ(drain(prefetcher).size(), 10);
}
#endif

INSTANTIATE_TEST_SUITE_P(Workers, BatchPrefetcherTest, ::testing::Values(0, 1, 2, 4));

}  // namespace
}  // namespace pare::data
