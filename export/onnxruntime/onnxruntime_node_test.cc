#include "export/onnxruntime/onnxruntime_node.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace pare::exporters {
namespace {

// y = 2 x, of float32 [n, 3].
std::string doubling_model() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto* graph = model.mutable_graph();
  graph->set_name("g");
  onnx::NodeProto* node = graph->add_node();
  node->set_op_type("Add");
  node->add_input("x");
  node->add_input("x");
  node->add_output("y");
  for (onnx::ValueInfoProto* value : {graph->add_input(), graph->add_output()}) {
    auto* type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("batch");
    type->mutable_shape()->add_dim()->set_dim_value(3);
  }
  graph->mutable_input(0)->set_name("x");
  graph->mutable_output(0)->set_name("y");
  return model.SerializeAsString();
}

std::string write_file(const std::string& name, const std::string& content) {
  const std::string path = ::testing::TempDir() + "/" + std::to_string(::getpid()) + "." + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

class OnnxRuntimeNodeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto package = find_onnxruntime_node(); !package.ok()) GTEST_SKIP() << package.status().message();
    model_ = write_file("model.onnx", doubling_model());
  }
  void TearDown() override {
    if (!model_.empty()) std::remove(model_.c_str());
  }
  std::string model_;
};

TEST_F(OnnxRuntimeNodeTest, RunsAModelAgainAndAgain) {
  auto runtime = OnnxRuntimeNode::start(model_);
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  EXPECT_EQ((*runtime)->input_names(), std::vector<std::string>{"x"});
  EXPECT_EQ((*runtime)->output_names(), std::vector<std::string>{"y"});
  for (int64_t batch : {1, 5, 100000}) {
    const at::Tensor x = at::ones({batch, 3}) * static_cast<double>(batch);
    const auto y = (*runtime)->run({x});
    ASSERT_TRUE(y.ok()) << y.status();
    EXPECT_TRUE(y->at(0).equal(x * 2));
  }
}

TEST_F(OnnxRuntimeNodeTest, AWrongInputIsAnErrorAfterWhichItGoesOn) {
  auto runtime = OnnxRuntimeNode::start(model_);
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  EXPECT_EQ((*runtime)->run({}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*runtime)->run({at::ones({2, 4})}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*runtime)->run({at::ones({2, 3}, at::kLong)}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ((*runtime)->run({at::ones({2, 3}, at::kComplexFloat)}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE((*runtime)->run({at::ones({2, 3})}).ok());
}

TEST_F(OnnxRuntimeNodeTest, AFileThatIsNoModelIsRefused) {
  const std::string garbage = write_file("garbage.onnx", "this is no model");
  EXPECT_EQ(OnnxRuntimeNode::start(garbage).status().code(), absl::StatusCode::kInvalidArgument);
  std::remove(garbage.c_str());
  EXPECT_EQ(OnnxRuntimeNode::start("/no/such/model.onnx").status().code(), absl::StatusCode::kNotFound);
}

// Stands for Node.js and does what `commands` say; the socket is its file descriptor 3.
class FakeNode {
 public:
  explicit FakeNode(const std::string& commands) : path_(write_file("node", "#!/bin/sh\n" + commands)) {
    ::chmod(path_.c_str(), 0700);
  }
  ~FakeNode() { std::remove(path_.c_str()); }
  OnnxRuntimeOptions options(absl::Duration timeout = absl::Seconds(60)) const {
    OnnxRuntimeOptions options;
    options.node = path_;
    options.timeout = timeout;
    return options;
  }

 private:
  std::string path_;
};

constexpr char kHello[] = "echo '{\"inputs\": [\"x\"], \"outputs\": [\"y\"]}' >&3\n";

TEST_F(OnnxRuntimeNodeTest, AMissingProgramIsUnavailable) {
  OnnxRuntimeOptions options;
  options.node = "no-such-node";
  EXPECT_EQ(OnnxRuntimeNode::start(model_, options).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(OnnxRuntimeNodeTest, AProcessThatDiesIsQuoted) {
  const FakeNode at_start("echo 'cannot open shared object' >&2; exit 1\n");
  const absl::Status status = OnnxRuntimeNode::start(model_, at_start.options()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_NE(status.message().find("cannot open shared object"), std::string::npos) << status;

  const FakeNode later(std::string(kHello) + "head -c 10 <&3 >/dev/null; exit 1\n");
  auto runtime = OnnxRuntimeNode::start(model_, later.options());
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  EXPECT_EQ((*runtime)->run({at::ones({2, 3})}).status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ((*runtime)->run({at::ones({2, 3})}).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(OnnxRuntimeNodeTest, GarbageIsDataLoss) {
  const FakeNode no_json("echo 'hello there' >&3; sleep 100\n");
  EXPECT_EQ(OnnxRuntimeNode::start(model_, no_json.options()).status().code(), absl::StatusCode::kDataLoss);
  for (const char* answer :
       {"{\"tensors\": 3}", "{\"tensors\": [{\"type\": \"string\", \"dims\": [1], \"bytes\": 4}]}",
        "{\"tensors\": [{\"type\": \"float32\", \"dims\": [-1], \"bytes\": 4}]}",
        "{\"tensors\": [{\"type\": \"float32\", \"dims\": [1], \"bytes\": 5}]}",
        "{\"tensors\": [{\"type\": \"float32\", \"dims\": [4000000000, 4000000000, 4000000000], \"bytes\": 5}]}"}) {
    const FakeNode wrong(std::string(kHello) + "echo '" + answer + "' >&3; sleep 100\n");
    auto runtime = OnnxRuntimeNode::start(model_, wrong.options());
    ASSERT_TRUE(runtime.ok()) << runtime.status();
    EXPECT_EQ((*runtime)->run({at::ones({2, 3})}).status().code(), absl::StatusCode::kDataLoss) << answer;
  }
}

TEST_F(OnnxRuntimeNodeTest, SilenceEndsAtTheDeadline) {
  const FakeNode silent("exec sleep 100\n");
  EXPECT_EQ(OnnxRuntimeNode::start(model_, silent.options(absl::Milliseconds(50))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(FindOnnxRuntimeNodeTest, AFolderWithoutThePackageIsNotTaken) {
  const char* before = std::getenv("PARE_ONNXRUNTIME_NODE");
  const std::string saved = before == nullptr ? "" : before;
  ::setenv("PARE_ONNXRUNTIME_NODE", "/no/such/folder", 1);
  const auto found = find_onnxruntime_node();
  if (found.ok()) {
    EXPECT_EQ(found->find("/no/such/folder"), std::string::npos);
  } else {
    EXPECT_EQ(found.status().code(), absl::StatusCode::kUnavailable);
  }
  if (before == nullptr) {
    ::unsetenv("PARE_ONNXRUNTIME_NODE");
  } else {
    ::setenv("PARE_ONNXRUNTIME_NODE", saved.c_str(), 1);
  }
}

// What is left of the answer in the stream would be taken for the next one.
TEST_F(OnnxRuntimeNodeTest, NothingIsReadAfterAnAnswerThatWasNotReadToItsEnd) {
  const FakeNode wrong(std::string(kHello) +
                       "echo '{\"tensors\": [{\"type\": \"float32\", \"dims\": [1], \"bytes\": 5}]}' >&3; sleep 100\n");
  auto runtime = OnnxRuntimeNode::start(model_, wrong.options());
  ASSERT_TRUE(runtime.ok()) << runtime.status();
  EXPECT_FALSE((*runtime)->run({at::ones({2, 3})}).ok());
  EXPECT_EQ((*runtime)->run({at::ones({2, 3})}).status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace pare::exporters
