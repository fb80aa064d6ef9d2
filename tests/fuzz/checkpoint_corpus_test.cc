// The fuzz target's first inputs are checkpoints of the version that is read, so that what is changed in them comes as
// far as the parsers.

#include <gtest/gtest.h>

#include "base/atomic_file.h"
#include "tests/fuzz/checkpoint_input.h"

namespace pare::fuzz {
namespace {

TEST(CheckpointCorpus, TheValidInputsAreLoaded) {
  for (const char* name : {"content", "whole"}) {
    const auto input = read_file(std::string("tests/fuzz/corpus/checkpoint/") + name);
    ASSERT_TRUE(input.ok()) << input.status();
    const auto checkpoint = load_checkpoint_input(*input);
    ASSERT_TRUE(checkpoint.ok()) << name << ": " << checkpoint.status()
                                 << "; write the corpus anew (bazel run //tests/fuzz:make_corpus)";
    EXPECT_EQ(checkpoint->epoch, 1);
    EXPECT_EQ(checkpoint->model.tensors.count("w"), 1u);
    EXPECT_EQ(checkpoint->optimizer.size(), 3u);
  }
}

TEST(CheckpointCorpus, TheOthersAreRefused) {
  const auto header = read_file("tests/fuzz/corpus/checkpoint/header");
  ASSERT_TRUE(header.ok()) << header.status();
  // The header is right: what is refused is what follows it.
  EXPECT_EQ(load_checkpoint_input(*header).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(load_checkpoint_input("").ok());
}

}  // namespace
}  // namespace pare::fuzz
