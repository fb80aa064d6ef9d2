// base/cache_file.h: what takes long to make, kept between runs.
//
//   const std::string path = cache_path(cache_folder(), "kernels", identity);
//   std::string binary = read_cache(path, identity);
//   if (binary.empty()) { binary = compile(source); write_cache(path, identity, binary); }
//
// The identity is all that must be the same for the data to be of use: any bytes, kept beside the data. A file that is
// missing, cut, damaged, or of another identity is a miss. Written whole or not at all. Losing a cache is no error.

#ifndef PARE_BASE_CACHE_FILE_H_
#define PARE_BASE_CACHE_FILE_H_

#include <string>
#include <string_view>

namespace pare {

// The folder pare/ of XDG_CACHE_HOME, or of ~/.cache; empty where neither XDG_CACHE_HOME nor HOME is set.
std::string cache_folder();

// FOLDER/KIND-<hash of the identity>.cache
std::string cache_path(const std::string& folder, std::string_view kind, std::string_view identity);

// What was written for this identity; empty for a miss.
std::string read_cache(const std::string& path, std::string_view identity);

// Makes the folder if it must. False if that or the file fails.
bool write_cache(const std::string& path, std::string_view identity, std::string_view data);

}  // namespace pare

#endif  // PARE_BASE_CACHE_FILE_H_
