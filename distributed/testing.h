// distributed/testing.h: a process group whose processes are threads of a test.
//
//   run_in_threads(3, [](ProcessGroup& group) { ... EXPECT_EQ(group.size(), 3); ... });
//
// The groups are real ones, over the loopback. Where this program was built without Gloo, the test is skipped.

#ifndef PARE_DISTRIBUTED_TESTING_H_
#define PARE_DISTRIBUTED_TESTING_H_

#include <chrono>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "distributed/process_group.h"

namespace pare {

// Unimplemented, with the reason, where this program was built without what processes need on the CPU.
absl::Status processes_are_available();

// Calls body in `size` threads at once and waits for them. A group that cannot be made is a test's failure.
void run_in_threads(int size, const std::function<void(ProcessGroup& group)>& body,
                    std::chrono::milliseconds timeout = std::chrono::seconds(60));

// The same for those who keep the group.
void run_in_threads_shared(int size, const std::function<void(const std::shared_ptr<ProcessGroup>& group)>& body,
                           std::chrono::milliseconds timeout = std::chrono::seconds(60));

}  // namespace pare

#endif  // PARE_DISTRIBUTED_TESTING_H_
