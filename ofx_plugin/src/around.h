// Which frames of a clip a render needs, and which of them there are. Knows no host.
#pragma once

#include <utility>
#include <vector>

#include "knobs.h"

namespace onelight {

// Offsets from the frame being rendered, ascending, 0 among them.
std::vector<int> offsets_needed(const table::Clip &clip, const Reader &read);

// Of those, the ones at which a clip with frames first..last has any. The frame being rendered always counts.
std::vector<int> offsets_within(const std::vector<int> &offsets, double time, double first, double last);

// The same as stretches of frames without a gap: what a host is told that it has to fetch.
std::vector<std::pair<double, double>> stretches(const std::vector<int> &offsets, double time);

}  // namespace onelight
