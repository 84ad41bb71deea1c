// Which frames a server was sent lately, so that they can be referred to instead of being sent again.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

namespace onelight {

// Hashes of the frames a server was sent lately, oldest forgotten first.
class SentFrames {
 public:
  bool holds(const std::string &key);
  void add(const std::string &key);
  void clear();

 private:
  static constexpr std::size_t limit = 256;
  std::mutex mutex_;
  std::list<std::string> order_;  // newest first
  std::unordered_map<std::string, std::list<std::string>::iterator> where_;
};

}  // namespace onelight
