// compression/all_methods.h: every method of this repository by its name in configs.
//
//   register_all_methods();   // for those who link statically; linking :all_methods is enough otherwise

#ifndef PARE_COMPRESSION_ALL_METHODS_H_
#define PARE_COMPRESSION_ALL_METHODS_H_

namespace pare {

// Again and again is fine.
void register_all_methods();

}  // namespace pare

#endif  // PARE_COMPRESSION_ALL_METHODS_H_
