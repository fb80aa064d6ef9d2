// export/register_exporters.h: makes the formats ".onnx" and ".pt" known to graph::write_model.
//
// A program that links //export has them without a call. Where the linker drops what nobody names (a static library
// outside Bazel), call this one. Again and again is fine.

#ifndef PARE_EXPORT_REGISTER_EXPORTERS_H_
#define PARE_EXPORT_REGISTER_EXPORTERS_H_

namespace pare::exporters {

void register_exporters();

}  // namespace pare::exporters

#endif  // PARE_EXPORT_REGISTER_EXPORTERS_H_
