// base/version.h: the version of Pare, as files that it writes have it.

#ifndef PARE_BASE_VERSION_H_
#define PARE_BASE_VERSION_H_

namespace pare {

inline constexpr char kPareVersion[] = "0.1.0";

}  // namespace pare

#endif  // PARE_BASE_VERSION_H_
