// base/pickle_names.h: the names and texts in a pickle that make LibTorch do something.

#ifndef PARE_BASE_PICKLE_NAMES_H_
#define PARE_BASE_PICKLE_NAMES_H_

#include <cstdint>
#include <string_view>

namespace pare {

// What a callable makes.
enum class PickleCallable : uint8_t {
  kNone,             // it is refused, or no callable
  kTypeTag,          // a list or dict with its type
  kList,             // a list with its type
  kTensor,           //
  kQuantizedTensor,  //
  kDropped,          // nothing: its value is not used
  kComplex,          //
  kDevice,           //
  kClass,            // an object of a class of the file
};

PickleCallable pickle_callable(std::string_view name);

// Bytes an element, of the storages that LibTorch knows; 0 for all else.
uint64_t storage_element_size(std::string_view name);

// How the values of a quantized tensor are meant.
bool is_per_tensor_scheme(std::string_view name);
bool is_per_channel_scheme(std::string_view name);

// Whether a storage's key is one that names the record it seems to: LibTorch reads it as a C string.
bool is_storage_key(std::string_view key);

// Whether tensors may be put on this device; never "meta", whose tensors have no memory behind them.
bool is_storage_device(std::string_view device);

// Whether a text is a type as LibTorch writes it, of a nesting that its recursive parser stands: names and brackets, no
// operators and no literals, which the parser would take, too.
bool is_type_text(std::string_view text);

}  // namespace pare

#endif  // PARE_BASE_PICKLE_NAMES_H_
