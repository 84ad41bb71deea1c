#include "client_sent.h"

namespace onelight {

bool SentFrames::holds(const std::string &key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = where_.find(key);
  if (found == where_.end()) return false;
  order_.splice(order_.begin(), order_, found->second);
  return true;
}

void SentFrames::add(const std::string &key) {
  if (holds(key)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  order_.push_front(key);
  where_[key] = order_.begin();
  if (order_.size() > limit) {
    where_.erase(order_.back());
    order_.pop_back();
  }
}

void SentFrames::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  order_.clear();
  where_.clear();
}

}  // namespace onelight
