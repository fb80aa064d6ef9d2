#include "base/torch_archive.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/debug_ranges_check.h"
#include "base/pickle_check.h"
#include "base/script_check.h"
#include "base/status_macros.h"
#include "base/zip_directory.h"

namespace pare {
namespace {

constexpr uint64_t kMostText = uint64_t{1} << 27;

using Records = std::map<std::string, ZipRecord>;

// LibTorch takes a file with this mark for one of its mobile runtime's, whatever else it is (file_format.h).
bool has_mobile_mark(std::istream& file) {
  char begin[8] = {};
  file.clear();
  file.seekg(0);
  file.read(begin, sizeof begin);
  return std::string_view(begin, sizeof begin).substr(4) == "PTMF";
}

// Checks the records of code; the names of the enum classes in them.
absl::StatusOr<std::set<std::string>> check_code(std::istream& file, const Records& records, size_t folder_size,
                                                 const std::string& what) {
  std::set<std::string> enum_classes;
  for (const auto& [name, record] : records) {
    const std::string inner = absl::AsciiStrToLower(name.substr(folder_size));
    if (!absl::StartsWith(inner, "code/") && !absl::EndsWith(inner, ".py")) continue;
    if (absl::EndsWith(inner, ".debug_pkl")) continue;
    const std::string record_name = absl::StrCat(what, ": ", name.substr(folder_size));
    if (!absl::EndsWith(inner, ".py")) {
      return absl::InvalidArgumentError(absl::StrCat(record_name, " is no code, but stands where code belongs"));
    }
    PARE_ASSIGN_OR_RETURN(const std::string text, read_zip_record(file, record, kMostText, record_name));
    PARE_ASSIGN_OR_RETURN(ScriptCheck code, check_script(text, record_name));
    enum_classes.merge(code.enum_classes);
  }
  return enum_classes;
}

}  // namespace

absl::Status check_torch_archive(std::istream& file, const std::string& what, TorchArchive kind) {
  if (has_mobile_mark(file)) {
    return absl::UnimplementedError(
        absl::StrCat(what, " is in the format of LibTorch's mobile runtime; save it with torch.jit.save"));
  }
  PARE_ASSIGN_OR_RETURN(const Records records, read_zip_directory(file, what));
  if (records.empty()) return absl::InvalidArgumentError(absl::StrCat(what, " holds nothing"));
  // LibTorch looks in the folder of the first record alone, which it finds by position; all must be in one.
  const std::string folder = records.begin()->first.substr(0, records.begin()->first.find('/') + 1);
  for (const auto& [name, record] : records) {
    const bool is_inside = !folder.empty() && absl::StartsWith(name, folder);
    const std::string inner = is_inside ? absl::AsciiStrToLower(name.substr(folder.size())) : "";
    if (!is_inside || inner == "model.json") {
      return absl::UnimplementedError(absl::StrCat(
          what, " is not in the format that torch.jit.save has written since PyTorch 1.4; save it again with that"));
    }
  }
  PARE_ASSIGN_OR_RETURN(const std::set<std::string> enum_classes, check_code(file, records, folder.size(), what));
  const bool is_script = kind == TorchArchive::kScript;
  for (const auto& [name, record] : records) {
    const std::string inner = absl::AsciiStrToLower(name.substr(folder.size()));
    const std::string record_name = absl::StrCat(what, ": ", inner);
    if (absl::EndsWith(inner, ".debug_pkl")) {
      PARE_ASSIGN_OR_RETURN(const std::string bytes, read_zip_record(file, record, kMostText, record_name));
      PARE_RETURN_IF_ERROR(check_debug_ranges(bytes, record_name));
    } else if (absl::EndsWith(inner, ".pkl")) {
      PARE_ASSIGN_OR_RETURN(const std::string bytes, read_zip_record(file, record, kMostText, record_name));
      // data.pkl has its tensors in the folder data, constants.pkl in constants.
      const std::string tensors = name.substr(0, name.size() - 4);
      const PickleRules rules{.may_have_classes = is_script,
                              .enum_classes = enum_classes,
                              .record_size = [&](const std::string& key) -> std::optional<uint64_t> {
                                const auto found = records.find(absl::StrCat(tensors, "/", key));
                                if (found == records.end()) return std::nullopt;
                                return found->second.size;
                              }};
      PARE_RETURN_IF_ERROR(check_pickle(bytes, rules, record_name));
    }
  }
  file.clear();
  file.seekg(0);
  return absl::OkStatus();
}

}  // namespace pare
