// tools/common/program.h: what each of Pare's programs does first.
//
//   int main(int argc, char** argv) {
//     start_program();
//     ...

#ifndef PARE_TOOLS_COMMON_PROGRAM_H_
#define PARE_TOOLS_COMMON_PROGRAM_H_

namespace pare::tools {

// A file that grows beyond a limit (ulimit -f) becomes an error of write() instead of the program's end.
void start_program();

// `bazel run` starts a program beside its data and says in BUILD_WORKING_DIRECTORY where the user stands: that is where
// their relative paths begin. Changes there; without the variable, does nothing. What must still be found beside the
// program is to be made absolute before.
void return_to_users_folder();

}  // namespace pare::tools

#endif  // PARE_TOOLS_COMMON_PROGRAM_H_
