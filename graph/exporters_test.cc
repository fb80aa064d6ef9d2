#include "graph/exporters.h"

#include <stdexcept>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pare::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// In one test, since the registry is the process's.
TEST(Exporters, AreFoundByTheEndingOfTheFile) {
  Model model(std::make_unique<Graph>());
  model.train();
  EXPECT_THAT(std::string(write_model(model, {}, "a.one").message()), HasSubstr("none is linked"));

  std::string written;
  const auto exporter = [&written](const std::string& format) {
    return [&written, format](Model& model, const std::vector<std::vector<int64_t>>& shapes, const std::string& path) {
      EXPECT_FALSE(model.is_training());
      written = format + " " + path + " " + std::to_string(shapes.at(0).at(1));
      return absl::OkStatus();
    };
  };
  EXPECT_TRUE(register_exporter(".one", exporter("one")));
  EXPECT_FALSE(register_exporter(".ONE", exporter("another")));
  EXPECT_TRUE(register_exporter(".big.one", exporter("big")));
  EXPECT_TRUE(register_exporter(".bad", [](Model&, const std::vector<std::vector<int64_t>>&, const std::string&) {
    throw std::runtime_error("no room");
    return absl::OkStatus();
  }));
  EXPECT_THAT(registered_exporters(), ElementsAre(".bad", ".big.one", ".one"));

  EXPECT_TRUE(write_model(model, {{1, 3}}, "dir/a.One").ok());
  EXPECT_EQ(written, "one dir/a.One 3");
  EXPECT_TRUE(write_model(model, {{1, 3}}, "a.big.one").ok());
  EXPECT_EQ(written, "big a.big.one 3");
  EXPECT_THAT(std::string(write_model(model, {}, "a.bad").message()), HasSubstr("no room"));

  const absl::Status unknown = write_model(model, {}, "a.on");
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("a.on: "));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr(".bad or .big.one or .one"));
}

}  // namespace
}  // namespace pare::graph
