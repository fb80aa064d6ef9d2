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

// A constant that names a device is all of a GPU that can be had on every machine.
TEST(Exporters, AModelOnAnotherDeviceIsWrittenFromTheCpu) {
  auto graph = std::make_unique<Graph>();
  graph->add_input("x");
  Value* device = graph->add_constant(c10::Device(c10::kCUDA, 1));
  Value* none = graph->add_constant({});
  Node* ones =
      graph
          ->add_operator("aten::ones", "", {graph->add_constant(std::vector<int64_t>{2}), none, none, device, none}, {})
          .value();
  graph->set_output(ones->output());
  Model model(std::move(graph));
  model.set_input_dtypes({c10::kHalf});
  int written = 0;
  register_exporter(".cpu", [&](Model& given, const std::vector<std::vector<int64_t>>&, const std::string&) {
    EXPECT_NE(&given, &model);
    EXPECT_FALSE(given.is_training());
    EXPECT_EQ(given.input_dtypes(), model.input_dtypes());
    EXPECT_TRUE(given.graph().nodes()[0]->input(3)->constant().toDevice().is_cpu());
    ++written;
    return absl::OkStatus();
  });
  const absl::Status status = write_model(model, {{1}}, "a.cpu");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(written, 1);
  EXPECT_EQ(device->constant().toDevice(), c10::Device(c10::kCUDA, 1)) << "the model itself stays where it is";
}

}  // namespace
}  // namespace pare::graph
