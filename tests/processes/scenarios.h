// tests/processes/scenarios.h: trainings of which more is to be seen than the model that comes out.
//
//   PARE_RETURN_IF_ERROR(run_scenario("accuracy_aware", group, folder));

#ifndef PARE_TESTS_PROCESSES_SCENARIOS_H_
#define PARE_TESTS_PROCESSES_SCENARIOS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "distributed/process_group.h"

namespace pare::tests {

// "accuracy_aware": with a metric that is another one in each process. "own_statistics": batch norms that train with
// the statistics of a process's part. "broken_loader": process 1 cannot read its second batch.
//
// Each process writes what it saw to FOLDER/RANK.json, and its model's state to FOLDER/RANK.state.
absl::Status run_scenario(const std::string& name, const std::shared_ptr<ProcessGroup>& group,
                          const std::string& folder);

}  // namespace pare::tests

#endif  // PARE_TESTS_PROCESSES_SCENARIOS_H_
