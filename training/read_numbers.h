// training/read_numbers.h: reads numbers that were computed on a device, with one wait for it.
//
//   const std::vector<double> numbers = read_numbers({loss, correct});   // each item() on a GPU would wait anew

#ifndef PARE_TRAINING_READ_NUMBERS_H_
#define PARE_TRAINING_READ_NUMBERS_H_

#include <ATen/core/Tensor.h>

#include <vector>

namespace pare::training {

// The number in each of these tensors of one element, on whatever devices; 0 for an undefined one. Throws c10::Error
// for a tensor of more elements or none.
std::vector<double> read_numbers(const std::vector<at::Tensor>& tensors);

}  // namespace pare::training

#endif  // PARE_TRAINING_READ_NUMBERS_H_
