// compression/binarization/register_binarization.h: makes the method "binarization" known to the registry.
//
// A program that links the target :register_binarization has it; one that links statically, and whose linker drops
// objects that nothing refers to, calls the function. Again and again is fine.

#ifndef PARE_COMPRESSION_BINARIZATION_REGISTER_BINARIZATION_H_
#define PARE_COMPRESSION_BINARIZATION_REGISTER_BINARIZATION_H_

namespace pare::binarization {

void register_binarization();

}  // namespace pare::binarization

#endif  // PARE_COMPRESSION_BINARIZATION_REGISTER_BINARIZATION_H_
