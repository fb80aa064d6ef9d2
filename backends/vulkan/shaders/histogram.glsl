// shaders/histogram.glsl: what stands before the push constants of a shader with histogram_main.glsl.

#ifndef PARE_HISTOGRAM_GLSL_
#define PARE_HISTOGRAM_GLSL_

const uint NO_BIN = 0xffffffffu;

struct CountsConstants {
  uint size;           // counts of a channel: one below the bins, the bins, one above
  uint first_channel;  // of the section, among those that are counted at once
  uint first_count;    // of those channels, in what is bound
};

#endif  // PARE_HISTOGRAM_GLSL_
