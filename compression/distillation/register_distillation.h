// compression/distillation/register_distillation.h: makes the method "knowledge_distillation" known to the registry.
//
// A program that links the target :register_distillation has it; one that links statically, and whose linker drops
// objects that nothing refers to, calls the function. Again and again is fine.

#ifndef PARE_COMPRESSION_DISTILLATION_REGISTER_DISTILLATION_H_
#define PARE_COMPRESSION_DISTILLATION_REGISTER_DISTILLATION_H_

namespace pare::distillation {

void register_distillation();

}  // namespace pare::distillation

#endif  // PARE_COMPRESSION_DISTILLATION_REGISTER_DISTILLATION_H_
