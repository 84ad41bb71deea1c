#include "knobs.h"

#include <algorithm>
#include <cmath>

#include "tools.gen.h"

namespace onelight {
namespace {

double number_of(const KnobValue &value) {
  if (const auto *on = std::get_if<bool>(&value)) return *on ? 1 : 0;
  if (const auto *whole = std::get_if<int64_t>(&value)) return double(*whole);
  if (const auto *number = std::get_if<double>(&value)) return *number;
  return 0;
}

KnobValue typed(const table::Knob &knob, double number) {
  switch (knob.kind) {
    case table::Kind::Bool:
      return number != 0;
    case table::Kind::Int:
      return int64_t(std::llround(number));
    default:
      return number;
  }
}

// Linear between two stops that set the same knobs.
Writes between(const table::Tool &tool, const table::Stop &a, const table::Stop &b, double part, const Reader &read) {
  Writes writes;
  for (std::size_t i = 0; i < a.settings.size; ++i) {
    const table::Knob *knob = find_knob(tool, a.settings[i].knob);
    const auto *other = std::find_if(b.settings.begin(), b.settings.end(), [&](const table::Setting &setting) {
      return std::string_view(setting.knob) == knob->name;
    });
    const double from = number_of(resolve(*knob, a.settings[i].value, read));
    const double to = other == b.settings.end() ? from : number_of(resolve(*knob, other->value, read));
    writes.emplace_back(knob, typed(*knob, from + (to - from) * part));
  }
  return writes;
}

Writes ramp_writes(const table::Tool &tool, const table::Ramp &ramp, double at, const Reader &read) {
  const table::Stop *before = ramp.stops.begin(), *last = ramp.stops.end() - 1;
  if (at <= before->at) return between(tool, *before, *before, 0, read);
  while (before != last && before[1].at <= at) ++before;
  if (before == last) return between(tool, *last, *last, 0, read);
  return between(tool, *before, before[1], (at - before->at) / (before[1].at - before->at), read);
}

}  // namespace

const table::List<table::Knob> &common_knobs() {
  static constexpr table::List<table::Knob> knobs(table::common_knobs);
  return knobs;
}

const table::Knob *find_knob(const table::Tool &tool, const std::string &name) {
  for (const auto &knobs : {tool.knobs, common_knobs()}) {
    for (const table::Knob &knob : knobs) {
      if (name == knob.name) return &knob;
    }
  }
  return nullptr;
}

std::vector<const table::Knob *> all_knobs(const table::Tool &tool) {
  std::vector<const table::Knob *> all;
  for (const auto &knobs : {tool.knobs, common_knobs()}) {
    for (const table::Knob &knob : knobs) all.push_back(&knob);
  }
  return all;
}

const table::List<table::Option> &options(const table::Tool &tool, const table::Knob &knob) {
  return knob.passes ? tool.passes : knob.options;
}

KnobValue resolve(const table::Knob &knob, const table::Value &value, const Reader &read) {
  switch (value.kind) {
    case table::Value::SameAs:
      return read(value.text);
    case table::Value::Text:
      return std::string(value.text);
    default:
      if (knob.kind == table::Kind::Colour) return Colour{value.numbers[0], value.numbers[1], value.numbers[2]};
      return typed(knob, value.numbers[0]);
  }
}

bool is_neutral(const table::Tool &tool, const Reader &read) {
  bool declared = false;
  for (const table::Knob &knob : tool.knobs) {
    if (knob.neutral.kind == table::Value::None) continue;
    declared = true;
    if (read(knob.name) != resolve(knob, knob.neutral, read)) return false;
  }
  return declared;
}

Writes writes_of(const table::Tool &tool, const std::string &name, const Reader &read) {
  Writes writes;
  if (name == tool.preset_knob) {
    const std::string chosen = std::get<std::string>(read(tool.preset_knob));
    for (const table::Preset &preset : tool.presets) {
      if (chosen != preset.name) continue;
      for (const table::Setting &setting : preset.settings) {
        const table::Knob *knob = find_knob(tool, setting.knob);
        writes.emplace_back(knob, resolve(*knob, setting.value, read));
      }
    }
  }
  for (const table::Ramp &ramp : tool.ramps) {
    if (name == ramp.knob) writes = ramp_writes(tool, ramp, number_of(read(ramp.knob)), read);
  }
  return writes;
}

std::vector<std::pair<const table::Knob *, const char *>> as_shot(const table::Tool &tool, const Reader &read) {
  std::vector<std::pair<const table::Knob *, const char *>> found;
  for (const table::Knob &knob : tool.knobs) {
    if (knob.neutral.kind != table::Value::SameAs || read(knob.name) != read(knob.neutral.text)) continue;
    found.emplace_back(&knob, knob.neutral.text);
  }
  return found;
}

std::map<std::string, Value> wire_knobs(const table::Tool &tool, const Reader &read, double scale) {
  std::map<std::string, Value> wire;
  for (const table::Knob &knob : tool.knobs) {
    if (!knob.affects_render || knob.kind == table::Kind::Button) continue;
    const KnobValue value = read(knob.name);
    if (const auto *colour = std::get_if<Colour>(&value)) {
      for (std::size_t i = 0; i < 3; ++i) wire[std::string(knob.name) + "." + "rgb"[i]] = (*colour)[i];
    } else if (const auto *number = std::get_if<double>(&value)) {
      wire[knob.name] = knob.pixels ? *number * scale : *number;
    } else if (const auto *whole = std::get_if<int64_t>(&value)) {
      wire[knob.name] = *whole;
    } else if (const auto *on = std::get_if<bool>(&value)) {
      wire[knob.name] = *on;
    } else {
      wire[knob.name] = std::get<std::string>(value);
    }
  }
  return wire;
}

std::string at_offset(const std::string &name, int offset) {
  return name + "@" + (offset < 0 ? "" : "+") + std::to_string(offset);
}

std::map<std::string, Value> changed_at(int offset, const std::map<std::string, Value> &here,
                                        const std::map<std::string, Value> &there) {
  std::map<std::string, Value> changed;
  for (const auto &[name, value] : there) {
    if (value != here.at(name)) changed[at_offset(name, offset)] = value;
  }
  return changed;
}

bool from_wire(const table::Knob &knob, const Value &wire, KnobValue *value) {
  const auto *on = std::get_if<bool>(&wire);
  const auto *whole = std::get_if<int64_t>(&wire);
  const auto *number = std::get_if<double>(&wire);
  if (const auto *text = std::get_if<std::string>(&wire)) {
    if (knob.kind != table::Kind::Choice && knob.kind != table::Kind::String) return false;
    *value = *text;
    return true;
  }
  if (knob.kind == table::Kind::Bool && on) {
    *value = *on;
    return true;
  }
  if (knob.kind != table::Kind::Int && knob.kind != table::Kind::Float && knob.kind != table::Kind::Angle) return false;
  if (on) return false;
  *value = typed(knob, whole ? double(*whole) : *number);
  return true;
}

std::string text_of(const std::map<std::string, Value> &parameters, const std::string &name) {
  const auto found = parameters.find(name);
  const auto *text = found == parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  return text ? *text : "";
}

}  // namespace onelight
