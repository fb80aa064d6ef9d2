// training/settings_difference.h: in what two settings differ, in words.
//
//   settings_difference({{"rate", {{"base", 0.1}}}}, {{"rate", {{"base", 0.2}}}});  // "rate.base was 0.1 and is 0.2
//   now"

#ifndef PARE_TRAINING_SETTINGS_DIFFERENCE_H_
#define PARE_TRAINING_SETTINGS_DIFFERENCE_H_

#include <string>

#include "nlohmann/json.hpp"

namespace pare::training {

// Empty if they are equal. Objects are compared key by key, everything else as it is; the first few differences are
// told, separated by semicolons, and how many more there are.
std::string settings_difference(const nlohmann::json& before, const nlohmann::json& now);

}  // namespace pare::training

#endif  // PARE_TRAINING_SETTINGS_DIFFERENCE_H_
