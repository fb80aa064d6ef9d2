// base/test_folder.h: a folder of a test's own.
//
//   const std::string folder = make_test_folder();   // empty, and there is no other like it
//
// It stands in GoogleTest's folder for temporary files, and stays: Bazel empties that one.

#ifndef PARE_BASE_TEST_FOLDER_H_
#define PARE_BASE_TEST_FOLDER_H_

#include <string>

namespace pare {

// Ends the process if none can be made.
std::string make_test_folder();

}  // namespace pare

#endif  // PARE_BASE_TEST_FOLDER_H_
