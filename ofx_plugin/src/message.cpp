#include "message.h"

#include <cstdio>

namespace onelight {

std::string escaped(const std::string &text) {
  std::string format;
  for (const char c : text) format.append(c == '%' ? 2 : 1, c);
  return format;
}

std::string sentence(const std::string &label, const std::string &text) {
  return text.compare(0, label.size(), label) == 0 ? text : label + ": " + text;
}

void Messages::show(const char *type, const std::string &text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::string format = escaped(text);
  if (suites_.persistent && suites_.persistent->setPersistentMessage) {
    suites_.persistent->setPersistentMessage(effect_, type, "", format.c_str());
  } else if (text != shown_) {
    // Resolve's version 2 has null members. A message box for each frame would be worse than the failure: once.
    if (suites_.messages && suites_.messages->message) {
      suites_.messages->message(effect_, type, "", format.c_str());
    } else {
      std::fprintf(stderr, "%s\n", text.c_str());
    }
  }
  shown_ = text;
}

void Messages::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (shown_.empty()) return;
  shown_.clear();
  if (suites_.persistent && suites_.persistent->clearPersistentMessage) {
    suites_.persistent->clearPersistentMessage(effect_);
  }
}

}  // namespace onelight
