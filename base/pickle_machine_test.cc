#include "base/pickle_machine.h"

#include <gtest/gtest.h>

#include <string>

namespace pare {
namespace {

bool says(const absl::Status& status, const std::string& words) {
  return std::string(status.message()).find(words) != std::string::npos;
}

absl::StatusOr<std::string> global_of(const std::string& program) {
  const std::string bytes = "\x80\x02" + program;
  PickleMachine machine(bytes, "data.pkl");
  EXPECT_TRUE(machine.start().ok());
  return machine.take_global();
}

TEST(PickleMachineTest, ReadsNamesAsTheyAreWritten) {
  EXPECT_EQ(*global_of("__torch__.torch.nn.modules.conv.___torch_mangle_0\nConv2d\n"),
            "__torch__.torch.nn.modules.conv.___torch_mangle_0.Conv2d");
  EXPECT_EQ(*global_of(std::string(1000, 'a') + "\nb\n"), std::string(1000, 'a') + ".b");
}

TEST(PickleMachineTest, RefusesNamesThatLibTorchReadsAsSomethingElse) {
  EXPECT_TRUE(says(global_of("a\nb").status(), "has no end"));
  EXPECT_TRUE(says(global_of(std::string(1001, 'a') + "\nb\n").status(), "longer than 1,000 bytes"));
  EXPECT_TRUE(says(global_of(std::string("a\0b\nc\n", 6)).status(), "other characters"));
  for (const char* name : {"X[\"\"]", "a-b", "a b", "a/b", "a\tb", "\xc3\xa4"}) {
    EXPECT_TRUE(says(global_of("__torch__\n" + std::string(name) + "\n").status(), "other characters")) << name;
    EXPECT_TRUE(says(global_of(std::string(name) + "\nNet\n").status(), "other characters")) << name;
  }
}

TEST(PickleMachineTest, KeepsStackMarksAndNumberedValues) {
  const std::string bytes("\x80\x02xxxxx\x02\x02\x07\x07", 11);
  PickleMachine machine(bytes, "data.pkl");
  ASSERT_TRUE(machine.start().ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(machine.next_instruction().ok());
  machine.push(10);
  ASSERT_TRUE(machine.memoize(1).ok());
  machine.mark();
  EXPECT_FALSE(machine.pop().ok());  // it belongs to what is before the mark
  ASSERT_TRUE(machine.recall(1).ok());
  machine.push(11);
  EXPECT_EQ(*machine.pop_to_mark(), (std::vector<PickleMachine::Id>{10, 11}));
  EXPECT_FALSE(machine.pop_to_mark().ok());
  EXPECT_EQ(*machine.result(), 10u);
  EXPECT_TRUE(says(machine.recall(1), "not there"));
  EXPECT_TRUE(says(machine.memoize(1), "beyond all reason"));  // the seventh after five instructions
}

TEST(PickleMachineTest, RefusesToGoOnForever) {
  const std::string bytes = "\x80\x02" + std::string((1 << 24) + 1, 'N');
  PickleMachine machine(bytes, "data.pkl");
  ASSERT_TRUE(machine.start().ok());
  int64_t count = 0;
  absl::StatusOr<uint8_t> instruction = machine.next_instruction();
  for (; instruction.ok(); instruction = machine.next_instruction()) ++count;
  EXPECT_EQ(count, 1 << 24);
  EXPECT_TRUE(says(instruction.status(), "16,777,216 instructions"));
}

}  // namespace
}  // namespace pare
