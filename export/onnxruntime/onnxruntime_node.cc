#include "export/onnxruntime/onnxruntime_node.h"

#include <ATen/ops/empty.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/steady_time.h"
#include "base/torch_guard.h"
#include "nlohmann/json.hpp"

extern char** environ;

namespace pare::exporters {
namespace {

constexpr char kScript[] =
#include "export/onnxruntime/run_onnx_js.inc"
    ;

constexpr int kChildSocket = 3;
constexpr size_t kMaximumHeader = 1 << 20;
constexpr int64_t kMaximumTensorBytes = int64_t{1} << 34;

const std::map<std::string, c10::ScalarType>& dtypes() {
  static const auto* table = new std::map<std::string, c10::ScalarType>{
      {"float32", c10::ScalarType::Float}, {"float64", c10::ScalarType::Double}, {"int64", c10::ScalarType::Long},
      {"int32", c10::ScalarType::Int},     {"int8", c10::ScalarType::Char},      {"uint8", c10::ScalarType::Byte},
      {"bool", c10::ScalarType::Bool}};
  return *table;
}

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<at::Tensor> make_tensor(const nlohmann::json& header) {
  const auto found = header.is_object() && header.contains("type") && header["type"].is_string()
                         ? dtypes().find(header["type"].get<std::string>())
                         : dtypes().end();
  if (found == dtypes().end() || !header.contains("dims") || !header["dims"].is_array() || !header.contains("bytes")) {
    return absl::DataLossError("ONNX Runtime's process answered with a tensor that cannot be read");
  }
  std::vector<int64_t> dims;
  int64_t bytes = static_cast<int64_t>(c10::elementSize(found->second));
  for (const nlohmann::json& dim : header["dims"]) {
    if (!dim.is_number_integer() || dim.get<int64_t>() < 0) {
      return absl::DataLossError("ONNX Runtime's process answered with a shape that cannot be read");
    }
    dims.push_back(dim.get<int64_t>());
    if (__builtin_mul_overflow(bytes, dims.back(), &bytes) || bytes > kMaximumTensorBytes) {
      return absl::DataLossError("ONNX Runtime's process answered with a tensor of more than 16 GB");
    }
  }
  if (!header["bytes"].is_number_integer() || header["bytes"].get<int64_t>() != bytes) {
    return absl::DataLossError("ONNX Runtime's process answered with a tensor whose size does not fit its shape");
  }
  return guard_torch("ONNX Runtime's output", [&] { return at::empty(dims, found->second); });
}

}  // namespace

absl::StatusOr<std::string> find_onnxruntime_node() {
  std::vector<std::string> places;
  if (const std::string own = environment("PARE_ONNXRUNTIME_NODE"); !own.empty()) {
    places = {own, own + "/onnxruntime-node", own + "/node_modules/onnxruntime-node"};
  }
  for (absl::string_view path : absl::StrSplit(environment("NODE_PATH"), ':', absl::SkipEmpty())) {
    places.push_back(absl::StrCat(path, "/onnxruntime-node"));
  }
  if (char* folder = ::getcwd(nullptr, 0); folder != nullptr) {
    places.push_back(absl::StrCat(folder, "/node_modules/onnxruntime-node"));
    std::free(folder);
  }
  if (const std::string home = environment("HOME"); !home.empty()) {
    places.push_back(home + "/.cache/pare/node_modules/onnxruntime-node");
  }
  for (const std::string& place : places) {
    const bool is_package = exists(place + "/package.json") && exists(place + "/dist/index.js");
    if (!is_package) continue;
    char* absolute = ::realpath(place.c_str(), nullptr);
    if (absolute == nullptr) continue;
    std::string result = absolute;
    std::free(absolute);
    return result;
  }
  return absl::UnavailableError(
      "the package onnxruntime-node is not there: 'mkdir -p ~/.cache/pare && cd ~/.cache/pare && npm install "
      "--ignore-scripts onnxruntime-node', or set PARE_ONNXRUNTIME_NODE to the folder it is in");
}

absl::StatusOr<std::unique_ptr<OnnxRuntimeNode>> OnnxRuntimeNode::start(const std::string& model_path,
                                                                        const OnnxRuntimeOptions& options) {
  PARE_ASSIGN_OR_RETURN(const std::string package, find_onnxruntime_node());
  if (!exists(model_path)) return absl::NotFoundError(absl::StrCat(model_path, " does not exist"));
  auto runtime = std::unique_ptr<OnnxRuntimeNode>(new OnnxRuntimeNode);
  runtime->timeout_ = options.timeout;
  runtime->model_path_ = model_path;
  PARE_RETURN_IF_ERROR(runtime->spawn(package, model_path, options));
  PARE_ASSIGN_OR_RETURN(const nlohmann::json hello, runtime->receive_header(steady_now() + options.timeout));
  if (hello.contains("error")) {
    return absl::InvalidArgumentError(absl::StrCat(model_path, ": ONNX Runtime: ", hello["error"].dump()));
  }
  for (const auto& [key, names] : {std::pair<const char*, std::vector<std::string>*>{"inputs", &runtime->input_names_},
                                   {"outputs", &runtime->output_names_}}) {
    if (!hello.contains(key) || !hello[key].is_array())
      return absl::DataLossError("ONNX Runtime's process does not say its inputs and outputs");
    for (const nlohmann::json& name : hello[key]) names->push_back(name.is_string() ? name.get<std::string>() : "");
  }
  return runtime;
}

absl::Status OnnxRuntimeNode::spawn(const std::string& package, const std::string& model_path,
                                    const OnnxRuntimeOptions& options) {
  int sockets[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::InternalError(absl::StrCat("no socket for ONNX Runtime's process: ", std::strerror(errno)));
  }
  socket_ = sockets[0];
  errors_ = std::tmpfile();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // The error file first: it may be number 3 itself.
  posix_spawn_file_actions_adddup2(&actions, errors_ == nullptr ? STDERR_FILENO : ::fileno(errors_), STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, sockets[1], kChildSocket);
  std::vector<std::string> words = {options.node,
                                    "-e",
                                    kScript,
                                    "--",
                                    package,
                                    model_path,
                                    std::to_string(options.num_threads),
                                    options.optimized_model_path};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int error = ::posix_spawnp(&pid_, options.node.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(sockets[1]);
  if (error == 0) return absl::OkStatus();
  pid_ = -1;
  broken_ = true;
  return absl::UnavailableError(absl::StrCat("Node.js, which ONNX Runtime runs in, cannot be started (", options.node,
                                             ": ", std::strerror(error), "): install it ('apt-get install nodejs')"));
}

OnnxRuntimeNode::~OnnxRuntimeNode() {
  if (socket_ >= 0) ::close(socket_);
  if (pid_ > 0) {
    // It holds nothing that would have to be saved.
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  if (errors_ != nullptr) std::fclose(errors_);
}

absl::Status OnnxRuntimeNode::died() {
  std::string last;
  if (errors_ != nullptr) {
    char buffer[2000];
    std::fseek(errors_, 0, SEEK_END);
    const long size = std::ftell(errors_);
    std::fseek(errors_, size > 2000 ? size - 2000 : 0, SEEK_SET);
    last.assign(buffer, std::fread(buffer, 1, sizeof(buffer), errors_));
  }
  return absl::InternalError(absl::StrCat(model_path_, ": ONNX Runtime's process ended",
                                          last.empty() ? "" : "; it wrote: ", absl::StripAsciiWhitespace(last)));
}

absl::Status OnnxRuntimeNode::wait_for(short events, absl::Time deadline) {
  while (true) {
    const absl::Duration left = deadline - steady_now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat(model_path_, ": ONNX Runtime has not answered within ", absl::FormatDuration(timeout_)));
    }
    pollfd poll_socket = {socket_, events, 0};
    const int64_t milliseconds = std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 1 << 30);
    const int ready = ::poll(&poll_socket, 1, static_cast<int>(milliseconds));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return absl::InternalError(absl::StrCat("poll: ", std::strerror(errno)));
  }
}

absl::Status OnnxRuntimeNode::send_all(const void* data, size_t size, absl::Time deadline) {
  const char* next = static_cast<const char*>(data);
  while (size > 0) {
    PARE_RETURN_IF_ERROR(wait_for(POLLOUT, deadline));
    const ssize_t count = ::send(socket_, next, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return died();
    next += count;
    size -= static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status OnnxRuntimeNode::receive_all(void* data, size_t size, absl::Time deadline) {
  char* next = static_cast<char*>(data);
  while (size > 0) {
    PARE_RETURN_IF_ERROR(wait_for(POLLIN, deadline));
    const ssize_t count = ::recv(socket_, next, size, MSG_DONTWAIT);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return died();
    next += count;
    size -= static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<nlohmann::json> OnnxRuntimeNode::receive_header(absl::Time deadline) {
  std::string line;
  while (true) {
    char next;
    PARE_RETURN_IF_ERROR(receive_all(&next, 1, deadline));
    if (next == '\n') break;
    line += next;
    if (line.size() > kMaximumHeader)
      return absl::DataLossError("ONNX Runtime's process answered with an endless line");
  }
  nlohmann::json header = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object())
    return absl::DataLossError("ONNX Runtime's process answered with a line that is no JSON object");
  return header;
}

absl::StatusOr<std::vector<at::Tensor>> OnnxRuntimeNode::run(const std::vector<at::Tensor>& inputs) {
  if (broken_) {
    return absl::FailedPreconditionError(
        absl::StrCat(model_path_, ": ONNX Runtime's process failed before; start another"));
  }
  if (inputs.size() != input_names_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(model_path_, " takes ", input_names_.size(), " inputs, ", inputs.size(), " were given"));
  }
  return exchange(inputs);
}

absl::StatusOr<std::vector<at::Tensor>> OnnxRuntimeNode::exchange(const std::vector<at::Tensor>& inputs) {
  const absl::Time deadline = steady_now() + timeout_;
  nlohmann::json request = {{"tensors", nlohmann::json::array()}};
  std::vector<at::Tensor> sent;
  for (const at::Tensor& input : inputs) {
    absl::StatusOr<at::Tensor> plain = guard_torch("input", [&] { return input.detach().cpu().contiguous(); });
    if (!plain.ok()) return plain.status();
    std::string type;
    for (const auto& [name, dtype] : dtypes()) {
      if (dtype == plain->scalar_type()) type = name;
    }
    if (type.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("ONNX Runtime is given no tensors of dtype ", c10::toString(plain->scalar_type())));
    }
    request["tensors"].push_back({{"type", type}, {"dims", plain->sizes().vec()}, {"bytes", plain->nbytes()}});
    sent.push_back(*std::move(plain));
  }
  // Until the answer has been read to its end, the two sides do not agree on where a message begins.
  broken_ = true;
  const std::string line = request.dump() + "\n";
  PARE_RETURN_IF_ERROR(send_all(line.data(), line.size(), deadline));
  for (const at::Tensor& tensor : sent) PARE_RETURN_IF_ERROR(send_all(tensor.data_ptr(), tensor.nbytes(), deadline));

  PARE_ASSIGN_OR_RETURN(const nlohmann::json answer, receive_header(deadline));
  if (answer.contains("error")) {
    broken_ = false;
    return absl::InvalidArgumentError(absl::StrCat(model_path_, ": ONNX Runtime: ", answer["error"].dump()));
  }
  if (!answer.contains("tensors") || !answer["tensors"].is_array()) {
    return absl::DataLossError("ONNX Runtime's process answered without tensors");
  }
  std::vector<at::Tensor> outputs;
  for (const nlohmann::json& header : answer["tensors"]) {
    PARE_ASSIGN_OR_RETURN(at::Tensor output, make_tensor(header));
    PARE_RETURN_IF_ERROR(receive_all(output.data_ptr(), output.nbytes(), deadline));
    outputs.push_back(std::move(output));
  }
  broken_ = false;
  return outputs;
}

}  // namespace pare::exporters
