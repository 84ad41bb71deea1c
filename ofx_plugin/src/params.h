// A tool's knobs as the host's parameters: defining them, reading them at a time, writing them.
#pragma once

#include "knobs.h"
#include "suites.h"

namespace onelight {

void define_params(const Suites &suites, const table::Tool &tool, ofx::ParamSet params);

// The parameters of one instance. Reading is thread-safe as far as the host is.
class Params {
 public:
  Params(const Suites &suites, const table::Tool &tool, ofx::Effect effect);

  Reader at(ofx::Time time) const;
  bool on(const char *knob, ofx::Time time) const;
  double number(const char *knob, ofx::Time time) const;
  std::string text(const char *knob, ofx::Time time) const;  // of a String, or the option of a Choice

  // Writes values, as one undo step called `label`. A knob that is animated gets a key at `time`.
  void write(const Writes &writes, const std::string &label, ofx::Time time) const;
  // Writes what only the node itself writes: status and digest. Nothing happens where the value is that already.
  void note(const char *knob, const std::string &text, ofx::Time time) const;
  // What a button says; hosts that fix labels when they describe a node keep theirs.
  void label(const char *knob, const std::string &text) const;

 private:
  KnobValue read(const char *knob, ofx::Time time) const;
  void set(const table::Knob &knob, const KnobValue &value, ofx::Time time) const;

  const Suites &suites_;
  const table::Tool &tool_;
  ofx::ParamSet set_ = nullptr;
  std::map<std::string, std::pair<const table::Knob *, ofx::Param>> params_;
};

}  // namespace onelight
