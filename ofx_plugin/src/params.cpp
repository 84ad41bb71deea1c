#include "params.h"

#include <cmath>

namespace onelight {

Params::Params(const Suites &suites, const table::Tool &tool, ofx::Effect effect) : suites_(suites), tool_(tool) {
  if (suites.effects->getParamSet(effect, &set_) != ofx::StatOK) {
    throw Refused(ofx::StatErrBadHandle, "The host gives no parameters for this node");
  }
  for (const table::Knob *knob : all_knobs(tool)) {
    ofx::Param param = nullptr;
    // MLT has no push buttons, other hosts may lack something else: reading then gives the default.
    if (suites.parameters->paramGetHandle(set_, knob->name, &param, nullptr) != ofx::StatOK) param = nullptr;
    params_[knob->name] = {knob, param};
  }
}

Reader Params::at(ofx::Time time) const {
  return [this, time](const char *knob) { return read(knob, time); };
}

bool Params::on(const char *knob, ofx::Time time) const { return std::get<bool>(read(knob, time)); }

double Params::number(const char *knob, ofx::Time time) const {
  const KnobValue value = read(knob, time);
  const auto *whole = std::get_if<int64_t>(&value);
  return whole ? double(*whole) : std::get<double>(value);
}

std::string Params::text(const char *knob, ofx::Time time) const { return std::get<std::string>(read(knob, time)); }

KnobValue Params::read(const char *name, ofx::Time time) const {
  const auto &[knob, param] = params_.at(name);
  const auto get = suites_.parameters->paramGetValueAtTime;
  const KnobValue initial = resolve(*knob, knob->initial, {});
  if (!param) return initial;
  switch (knob->kind) {
    case table::Kind::Float:
    case table::Kind::Angle: {
      double value = 0;
      return get(param, time, &value) == ofx::StatOK ? value : initial;
    }
    case table::Kind::Int: {
      int value = 0;
      return get(param, time, &value) == ofx::StatOK ? KnobValue(int64_t(value)) : initial;
    }
    case table::Kind::Bool: {
      int value = 0;
      return get(param, time, &value) == ofx::StatOK ? KnobValue(value != 0) : initial;
    }
    case table::Kind::Choice: {
      int value = 0;
      const auto &menu = options(tool_, *knob);
      if (get(param, time, &value) != ofx::StatOK || value < 0 || std::size_t(value) >= menu.size) return initial;
      return std::string(menu[std::size_t(value)].name);
    }
    case table::Kind::Colour: {
      Colour value{};
      return get(param, time, &value[0], &value[1], &value[2]) == ofx::StatOK ? value : initial;
    }
    default: {
      char *value = nullptr;
      return get(param, time, &value) == ofx::StatOK && value ? std::string(value) : initial;
    }
  }
}

void Params::set(const table::Knob &knob, const KnobValue &value, ofx::Time time) const {
  const ofx::Param param = params_.at(knob.name).second;
  if (!param) return;
  const ofx::ParameterSuiteV1 &suite = *suites_.parameters;
  unsigned int keys = 0;
  const bool keyed = knob.animates && suite.paramGetNumKeys(param, &keys) == ofx::StatOK && keys > 0;
  const auto put = [&](auto... values) {
    keyed ? suite.paramSetValueAtTime(param, time, values...) : suite.paramSetValue(param, values...);
  };
  if (const auto *number = std::get_if<double>(&value)) return put(*number);
  if (const auto *whole = std::get_if<int64_t>(&value)) return put(int(*whole));
  if (const auto *on = std::get_if<bool>(&value)) return put(int(*on));
  if (const auto *colour = std::get_if<Colour>(&value)) return put((*colour)[0], (*colour)[1], (*colour)[2]);
  const std::string &text = std::get<std::string>(value);
  if (knob.kind != table::Kind::Choice) return put(text.c_str());
  const auto &menu = options(tool_, knob);
  for (std::size_t i = 0; i < menu.size; ++i) {
    if (text == menu[i].name) return put(int(i));
  }
}

void Params::write(const Writes &writes, const std::string &label, ofx::Time time) const {
  suites_.parameters->paramEditBegin(set_, label.c_str());
  for (const auto &[knob, value] : writes) set(*knob, value, time);
  suites_.parameters->paramEditEnd(set_);
}

void Params::label(const char *knob, const std::string &text) const {
  const auto found = params_.find(knob);
  ofx::PropertySet properties = nullptr;
  if (found == params_.end() || !found->second.second ||
      suites_.parameters->paramGetPropertySet(found->second.second, &properties) != ofx::StatOK || !properties) {
    return;
  }
  Properties(suites_, properties).set(ofx::PropLabel, text);
}

void Params::note(const char *knob, const std::string &text, ofx::Time time) const {
  if (this->text(knob, time) != text) set(*params_.at(knob).first, text, time);
}

}  // namespace onelight
