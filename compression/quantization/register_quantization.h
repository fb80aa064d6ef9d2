// compression/quantization/register_quantization.h: makes the method "quantization" known to the registry.
//
// A program that links the target :register_quantization has it; one that links statically, and whose linker drops
// objects that nothing refers to, calls the function. Again and again is fine.

#ifndef PARE_COMPRESSION_QUANTIZATION_REGISTER_QUANTIZATION_H_
#define PARE_COMPRESSION_QUANTIZATION_REGISTER_QUANTIZATION_H_

namespace pare::quantization {

void register_quantization();

}  // namespace pare::quantization

#endif  // PARE_COMPRESSION_QUANTIZATION_REGISTER_QUANTIZATION_H_
