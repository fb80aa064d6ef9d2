// tests/fuzz/checkpoint_input.h: a checkpoint as the fuzz target "checkpoint" has it.
//
//   load_checkpoint_input("h" + a file's bytes);
//   load_checkpoint_input("c" + graph::serialize()'s);   // the header is made: no search would find its checksum

#ifndef PARE_TESTS_FUZZ_CHECKPOINT_INPUT_H_
#define PARE_TESTS_FUZZ_CHECKPOINT_INPUT_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "training/checkpoint.h"

namespace pare::fuzz {

absl::StatusOr<training::Checkpoint> load_checkpoint_input(std::string_view input);

}  // namespace pare::fuzz

#endif  // PARE_TESTS_FUZZ_CHECKPOINT_INPUT_H_
