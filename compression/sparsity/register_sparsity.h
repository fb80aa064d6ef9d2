// compression/sparsity/register_sparsity.h: makes the methods of sparsity known to the registry: "magnitude_sparsity",
// "rb_sparsity", "movement_sparsity", "const_sparsity" and "n_of_m_sparsity".
//
// A program that links the target :register_sparsity has them; one that links statically, and whose linker drops
// objects that nothing refers to, calls the function. Again and again is fine.

#ifndef PARE_COMPRESSION_SPARSITY_REGISTER_SPARSITY_H_
#define PARE_COMPRESSION_SPARSITY_REGISTER_SPARSITY_H_

namespace pare::sparsity {

void register_sparsity();

}  // namespace pare::sparsity

#endif  // PARE_COMPRESSION_SPARSITY_REGISTER_SPARSITY_H_
