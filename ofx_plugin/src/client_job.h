// What the frames of one background job are computed with: the first answer decides, and another kind is refused.
#pragma once

#include "client.h"

namespace onelight {

// Puts into a request what it must be computed with: what ONELIGHT_PROVIDER names and, in a background render of a
// pinned version, what the first frame of this process was computed with.
void pin_job(Request *request);

// Takes in what a frame was computed with. Throws Error(Refused) where the job's other frames differ: a server that
// knows nothing of pins answers all the same.
void check_job(const Request &request, const Reply &reply);

}  // namespace onelight
