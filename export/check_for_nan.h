// export/check_for_nan.h: a model that has gone wrong in training is not worth a file.
//
//   PARE_RETURN_IF_ERROR(check_for_nan(model));

#ifndef PARE_EXPORT_CHECK_FOR_NAN_H_
#define PARE_EXPORT_CHECK_FOR_NAN_H_

#include "absl/status/status.h"
#include "graph/model.h"

namespace pare::exporters {

// InvalidArgument that names the parameters, buffers and constants in use that hold a NaN. Infinities are fine: masks
// hold them on purpose.
absl::Status check_for_nan(const graph::Model& model);

}  // namespace pare::exporters

#endif  // PARE_EXPORT_CHECK_FOR_NAN_H_
