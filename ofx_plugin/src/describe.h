// What a host is told of a tool before there is a node of it.
#pragma once

#include "suites.h"
#include "table.h"

namespace onelight {

ofx::Status describe(const Suites &suites, const table::Tool &tool, ofx::Effect effect);
ofx::Status describe_in_context(const Suites &suites, const table::Tool &tool, ofx::Effect effect);

}  // namespace onelight
