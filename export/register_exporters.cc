#include "export/register_exporters.h"

#include "export/onnx_export.h"
#include "export/torchscript_export.h"
#include "graph/exporters.h"

namespace pare::exporters {

void register_exporters() {
  graph::register_exporter(".onnx", export_onnx);
  graph::register_exporter(".pt", export_torchscript);
}

namespace {

[[maybe_unused]] const bool kRegistered = [] {
  register_exporters();
  return true;
}();

}  // namespace
}  // namespace pare::exporters
