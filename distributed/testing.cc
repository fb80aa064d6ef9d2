#include "distributed/testing.h"

#include <thread>
#include <vector>

#include "distributed/c10d_process_group.h"
#include "distributed/free_port.h"
#include "gtest/gtest.h"

namespace pare {

absl::Status processes_are_available() {
  const absl::StatusOr<uint16_t> port = free_port();
  return port.ok() ? make_process_group({.port = *port}).status() : port.status();
}

void run_in_threads_shared(int size, const std::function<void(const std::shared_ptr<ProcessGroup>&)>& body,
                           std::chrono::milliseconds timeout) {
  if (const absl::Status available = processes_are_available(); absl::IsUnimplemented(available)) {
    GTEST_SKIP() << available.message();
  }
  const absl::StatusOr<uint16_t> port = free_port();
  ASSERT_TRUE(port.ok()) << port.status();
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      const absl::StatusOr<std::shared_ptr<ProcessGroup>> group =
          make_process_group({.rank = rank, .size = size, .port = *port, .timeout = timeout});
      ASSERT_TRUE(group.ok()) << group.status();
      body(*group);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

void run_in_threads(int size, const std::function<void(ProcessGroup&)>& body, std::chrono::milliseconds timeout) {
  run_in_threads_shared(
      size, [&](const std::shared_ptr<ProcessGroup>& group) { body(*group); }, timeout);
}

}  // namespace pare
