// tools/bench/machine.h: the machine that figures were measured on, in words.
//
//   const nlohmann::ordered_json machine = describe_machine();   // {"processor": "AMD EPYC", "cores": 2, ...}

#ifndef PARE_TOOLS_BENCH_MACHINE_H_
#define PARE_TOOLS_BENCH_MACHINE_H_

#include "nlohmann/json.hpp"

namespace pare::tools::bench {

// Processor, cores, instruction set, caches, memory, system, compiler, LibTorch's version, and how busy the machine is
// now: the load averages of 1, 5 and 15 minutes. What the system does not say is left out.
nlohmann::ordered_json describe_machine();

}  // namespace pare::tools::bench

#endif  // PARE_TOOLS_BENCH_MACHINE_H_
