// What a tool's table means: neutral settings, presets, ramps, what travels with a frame. Knows no host.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client.h"
#include "table.h"

namespace onelight {

using Colour = std::array<double, 3>;
// A knob's value at one time. A Choice is its option's name.
using KnobValue = std::variant<bool, int64_t, double, Colour, std::string>;
// The value of a knob of the tool, by name, at the time in question.
using Reader = std::function<KnobValue(const char *knob)>;
using Writes = std::vector<std::pair<const table::Knob *, KnobValue>>;

const table::List<table::Knob> &common_knobs();
// The tool's own knobs, then those of every tool; panel order. Null where there is none of that name.
const table::Knob *find_knob(const table::Tool &tool, const std::string &name);
std::vector<const table::Knob *> all_knobs(const table::Tool &tool);
// A menu's options; for the menu of passes those of the tool.
const table::List<table::Option> &options(const table::Tool &tool, const table::Knob &knob);

// What a value of the table is for this knob.
KnobValue resolve(const table::Knob &knob, const table::Value &value, const Reader &read);

// Whether every knob with a declared neutral value is at it. A tool that declares none is never neutral.
bool is_neutral(const table::Tool &tool, const Reader &read);

// What choosing a preset, or moving a ramp's knob, writes. Empty when `knob` is neither.
Writes writes_of(const table::Tool &tool, const std::string &knob, const Reader &read);

// Knobs that stand at the value of the knob they are neutral against ('as shot'), with that knob's name.
std::vector<std::pair<const table::Knob *, const char *>> as_shot(const table::Tool &tool, const Reader &read);

// The knobs that travel: own ones that affect a render; pixel units at the size of this render.
std::map<std::string, Value> wire_knobs(const table::Tool &tool, const Reader &read, double scale);

// What a clip's frame or a knob's value is called on the wire, `offset` frames away: "Source@+0".
std::string at_offset(const std::string &name, int offset);

// Of knobs as they travel, those that are another value `offset` frames away, by the names that say so.
std::map<std::string, Value> changed_at(int offset, const std::map<std::string, Value> &here,
                                        const std::map<std::string, Value> &there);

// A reply's value as this knob holds it; nothing fits where the types are worlds apart: false, and `value` untouched.
bool from_wire(const table::Knob &knob, const Value &wire, KnobValue *value);

// The text of that name in a reply; empty where there is none.
std::string text_of(const std::map<std::string, Value> &parameters, const std::string &name);

}  // namespace onelight
