#include "tools/cli/backends_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "backends/all_backends.h"
#include "backends/registry.h"
#include "backends/self_test.h"
#include "base/status_macros.h"
#include "ops/torch_execution.h"

namespace pare::tools {
namespace {

// Runs a self-test and a bandwidth test on what is selected, and adds what comes out to both forms of the result.
void test_device(const backends::KernelBackend& backend, nlohmann::ordered_json& json, std::string& text) {
  const backends::Execution execution = ops::torch_execution();
  const absl::Status status = self_test(backend, execution);
  json["self_test"] = status.ok() ? "passed" : std::string(status.message());
  absl::StrAppend(&text, "    self-test: ", json["self_test"].get<std::string>(), "\n");
  const auto bandwidth = measure_bandwidth(backend, execution);
  if (!bandwidth.ok()) {
    json["bandwidth"] = std::string(bandwidth.status().message());
    absl::StrAppend(&text, "    bandwidth: ", std::string(bandwidth.status().message()), "\n");
    return;
  }
  json["copy_bytes_per_second"] = bandwidth->copy;
  absl::StrAppend(&text, absl::StrFormat("    copy: %.1f GB/s (read and written)", bandwidth->copy / 1e9));
  if (bandwidth->to_device > 0) {
    json["to_device_bytes_per_second"] = bandwidth->to_device;
    json["to_host_bytes_per_second"] = bandwidth->to_host;
    absl::StrAppend(&text, absl::StrFormat("; to the device %.1f GB/s, back %.1f GB/s", bandwidth->to_device / 1e9,
                                           bandwidth->to_host / 1e9));
  }
  absl::StrAppend(&text, "\n");
}

absl::StatusOr<CommandResult> run_backends(const std::vector<std::string>&) {
  PARE_RETURN_IF_ERROR(backends::register_all_backends());
  CommandResult result;
  result.json["backends"] = nlohmann::ordered_json::array();
  for (const std::string& name : backends::backend_names()) {
    PARE_ASSIGN_OR_RETURN(const backends::KernelBackend* backend, backends::find_backend(name));
    nlohmann::ordered_json entry = {{"name", name}, {"devices", nlohmann::ordered_json::array()}};
    absl::StrAppend(&result.text, name, "\n");
    std::vector<backends::DeviceDescription> devices = {{"this machine's processor", true, {}}};
    if (backend->devices != nullptr) {
      const auto found = backend->devices();
      if (!found.ok()) {
        entry["unavailable"] = std::string(found.status().message());
        absl::StrAppend(&result.text, "  unavailable: ", std::string(found.status().message()), "\n");
        result.json["backends"].push_back(entry);
        continue;
      }
      devices = *found;
    }
    for (size_t i = 0; i < devices.size(); ++i) {
      nlohmann::ordered_json device = {{"name", devices[i].name}, {"software", devices[i].is_software}};
      absl::StrAppend(&result.text, "  ", backend->devices == nullptr ? name : absl::StrCat(name, ":", i), "  ",
                      devices[i].name, "\n");
      for (const auto& [key, value] : devices[i].properties) {
        device["properties"][key] = value;
        absl::StrAppend(&result.text, "    ", key, ": ", value, "\n");
      }
      if (devices[i].is_selected) {
        device["properties"]["selected"] = "yes";
        absl::StrAppend(&result.text, "    selected: yes\n");
      }
      absl::Status selected = absl::OkStatus();
      if (backend->select_device != nullptr) selected = backend->select_device(absl::StrCat(i));
      if (selected.ok()) {
        test_device(*backend, device, result.text);
      } else {
        device["unavailable"] = std::string(selected.message());
        absl::StrAppend(&result.text, "    unavailable: ", std::string(selected.message()), "\n");
      }
      entry["devices"].push_back(device);
    }
    result.json["backends"].push_back(entry);
  }
  return result;
}

}  // namespace

Command backends_command() {
  return {.name = "backends",
          .summary = "the kernel backends and devices of this machine, each tested",
          .description =
              "Lists every backend of this build with its devices, their features and limits, compares some\n"
              "kernels with their definitions on each, and measures its memory. A backend is chosen with\n"
              "--backend=NAME or --backend=NAME:DEVICE.",
          .examples = {"backends", "backends --json"},
          .flags = {},
          .run = run_backends};
}

}  // namespace pare::tools
