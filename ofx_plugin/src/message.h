// Sentences at a node: finished text, through whatever the host has for it.
#pragma once

#include <mutex>
#include <string>

#include "suites.h"

namespace onelight {

// The text as a printf format without arguments: Natron passes arguments on wrongly, so that none are ever used.
std::string escaped(const std::string &text);

// The sentence with the tool's name before it, unless it begins with that already.
std::string sentence(const std::string &label, const std::string &text);

// The message that stays at a node until it is cleared.
class Messages {
 public:
  Messages(const Suites &suites, ofx::Effect effect) : suites_(suites), effect_(effect) {}
  void error(const std::string &text) { show(ofx::MessageError, text); }
  void warn(const std::string &text) { show(ofx::MessageWarning, text); }
  void clear();  // only what was shown here

 private:
  void show(const char *type, const std::string &text);

  const Suites &suites_;
  ofx::Effect effect_;
  std::mutex mutex_;  // frames of one node render at the same time
  std::string shown_;
};

}  // namespace onelight
