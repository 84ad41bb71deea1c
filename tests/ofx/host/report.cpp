// Violations, the running action of each thread, and the register of live handles.
#include "report.h"

#include <atomic>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>

#include "host.h"

namespace ofxhost {
namespace {

thread_local Action *running = nullptr;

struct Entry {
  Kind kind;
  void *object;
};
std::shared_mutex handles_mutex;
std::unordered_map<Handle, Entry> handles;
std::atomic<uintptr_t> next_handle{0x10000};
constexpr uintptr_t kHandleStep = 16;

const char *kindName(Kind kind) {
  static const char *const names[] = {"property set", "image effect", "parameter set", "parameter",
                                      "clip",         "image memory", "mutex"};
  return names[static_cast<int>(kind)];
}

}  // namespace

void Report::add(const std::string &sentence) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (counts_[sentence]++ == 0) order_.push_back(sentence);
}

std::vector<std::string> Report::sentences() const {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> result;
  for (const auto &sentence : order_) {
    int count = counts_.at(sentence);
    result.push_back(count == 1 ? sentence : sentence + " (" + std::to_string(count) + " times)");
  }
  return result;
}

void Report::clear() {
  std::lock_guard<std::mutex> lock(mutex_);
  order_.clear();
  counts_.clear();
}

Action *currentAction() { return running; }
ActionScope::ActionScope(Action *action) : previous_(running) { running = action; }
ActionScope::~ActionScope() { running = previous_; }

Report &strayReport() {
  static auto *report = new Report;
  return *report;
}

void violation(const std::string &sentence) {
  if (!running)
    strayReport().add("outside any action: " + sentence);
  else
    running->host->report.add(std::string(running->name) + ": " + sentence);
}

Handle enroll(Kind kind, void *object) {
  Handle handle = reinterpret_cast<Handle>(next_handle.fetch_add(kHandleStep));
  std::unique_lock<std::shared_mutex> lock(handles_mutex);
  handles[handle] = {kind, object};
  return handle;
}

void retire(Handle handle) {
  std::unique_lock<std::shared_mutex> lock(handles_mutex);
  handles.erase(handle);
}

void *resolve(Kind kind, Handle handle, const char *where) {
  {
    std::shared_lock<std::shared_mutex> lock(handles_mutex);
    auto it = handles.find(handle);
    if (it != handles.end() && it->second.kind == kind) return it->second.object;
    if (it != handles.end()) {
      lock.unlock();
      violation(std::string(where) + " was given another kind of handle than " + kindName(kind));
      return nullptr;
    }
  }
  auto number = reinterpret_cast<uintptr_t>(handle);
  const char *what = !handle                                                    ? "a null "
                     : number < next_handle.load() && number % kHandleStep == 0 ? "a dead "
                                                                                : "a made-up ";
  violation(std::string(where) + " was given " + what + kindName(kind) + " handle");
  return nullptr;
}

const char *keep(const std::string &text) {
  static auto *mutex = new std::mutex;
  static auto *pool = new std::unordered_set<std::string>;
  std::lock_guard<std::mutex> lock(*mutex);
  return pool->insert(text).first->c_str();
}

}  // namespace ofxhost
