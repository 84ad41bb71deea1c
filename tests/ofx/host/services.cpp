// The memory, multi-thread, message, progress and timeline suites.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "host.h"

namespace ofxhost {
namespace {

// Memory: blocks are counted for each host, and a pointer that is not one of them is named.
std::mutex memory_mutex;
std::map<void *, Handle> blocks;

Status memoryAlloc(void *handle, size_t bytes, void **data) {
  if (handle && !effectOf(handle, "memoryAlloc")) return kErrBadHandle;
  *data = std::malloc(bytes ? bytes : 1);
  if (!*data) return kErrMemory;
  std::lock_guard<std::mutex> lock(memory_mutex);
  blocks[*data] = currentAction() ? currentAction()->host->properties.handle() : nullptr;
  return kOk;
}

Status memoryFree(void *data) {
  {
    std::lock_guard<std::mutex> lock(memory_mutex);
    if (!blocks.erase(data)) {
      violation("memoryFree of a block that is not allocated");
      return kErrBadHandle;
    }
  }
  std::free(data);
  return kOk;
}

// Multi-thread
thread_local unsigned thread_index = 0;
thread_local bool spawned = false;

Status multiThread(abi::ThreadFunction *function, unsigned count, void *argument) {
  if (!function) return kFailed;
  if (spawned) {
    violation("multiThread from inside multiThread");
    return kErrExists;
  }
  unsigned threads = count ? count : 2;
  Action *action = currentAction();
  std::vector<std::thread> running;
  for (unsigned i = 0; i < threads; ++i)
    running.emplace_back([=] {
      ActionScope scope(action);
      spawned = true;
      thread_index = i;
      function(i, threads, argument);
    });
  for (auto &thread : running) thread.join();
  return kOk;
}

Status numCPUs(unsigned *count) {
  *count = std::max(1u, std::thread::hardware_concurrency());
  return kOk;
}
Status index(unsigned *value) {
  *value = thread_index;
  return kOk;
}
int isSpawned() { return spawned ? 1 : 0; }

std::recursive_mutex *mutexOf(Handle handle, const char *where) {
  return static_cast<std::recursive_mutex *>(resolve(Kind::Mutex, handle, where));
}
Status mutexCreate(Handle *handle, int locks) {
  auto *mutex = new std::recursive_mutex;
  for (int i = 0; i < locks; ++i) mutex->lock();
  *handle = enroll(Kind::Mutex, mutex);
  return kOk;
}
Status mutexDestroy(Handle handle) {
  auto *mutex = mutexOf(handle, "mutexDestroy");
  retire(handle);
  delete mutex;
  return mutex ? kOk : kErrBadHandle;
}
Status mutexLock(Handle handle) {
  auto *mutex = mutexOf(handle, "mutexLock");
  if (mutex) mutex->lock();
  return mutex ? kOk : kErrBadHandle;
}
Status mutexUnLock(Handle handle) {
  auto *mutex = mutexOf(handle, "mutexUnLock");
  if (mutex) mutex->unlock();
  return mutex ? kOk : kErrBadHandle;
}
Status mutexTryLock(Handle handle) {
  auto *mutex = mutexOf(handle, "mutexTryLock");
  return !mutex ? kErrBadHandle : mutex->try_lock() ? kOk : kFailed;
}

// Messages
bool knownMessageType(const char *type, bool persistent) {
  static const char *const types[] = {"OfxMessageError", "OfxMessageWarning", "OfxMessageMessage",
                                      "OfxMessageFatal", "OfxMessageLog",     "OfxMessageQuestion"};
  for (int i = 0; type && i < (persistent ? 3 : 6); ++i)
    if (!std::strcmp(type, types[i])) return true;
  return false;
}

// Natron 2.6 hands the arguments on wrongly: only "%%" comes out as meant.
std::string formatWithoutArguments(const char *format) {
  std::string text;
  for (const char *at = format; *at; ++at) {
    if (*at != '%') {
      text += *at;
    } else if (at[1] == '%') {
      text += *at++;
    } else {
      text += "487329208";
      while (at[1] && !std::strchr("diouxXeEfFgGaAcspn", at[1])) ++at;
      if (at[1]) ++at;
      violation(std::string("message with format arguments, which this host garbles: ") + format);
    }
  }
  return text;
}

Message format(Effect *effect, const char *kind, const char *type, const char *text, va_list arguments) {
  if (!knownMessageType(type, *kind == 'p')) violation(std::string(kind) + " of type " + (type ? type : "(null)"));
  Message message{kind, type ? type : "", ""};
  if (!text) {
    violation("message without a format");
  } else if (effect->host().personality.broken_message_format) {
    message.text = formatWithoutArguments(text);
  } else {
    char buffer[4096];
    std::vsnprintf(buffer, sizeof buffer, text, arguments);
    message.text = buffer;
  }
  return message;
}

Status say(void *handle, const char *type, const char *, const char *text, ...) {
  Effect *effect = handle ? effectOf(handle, "message") : currentAction() ? currentAction()->effect : nullptr;
  if (!effect) return kErrBadHandle;
  va_list arguments;
  va_start(arguments, text);
  effect->say(format(effect, "message", type, text, arguments));
  va_end(arguments);
  return type && !std::strcmp(type, "OfxMessageQuestion") ? kReplyYes : kOk;
}

Status setPersistent(void *handle, const char *type, const char *, const char *text, ...) {
  Effect *effect = effectOf(handle, "setPersistentMessage");
  if (!effect) return kErrBadHandle;
  va_list arguments;
  va_start(arguments, text);
  effect->setPersistent(format(effect, "persistent", type, text, arguments));
  va_end(arguments);
  return kOk;
}

Status clearPersistent(void *handle) {
  Effect *effect = effectOf(handle, "clearPersistentMessage");
  if (!effect) return kErrBadHandle;
  effect->setPersistent(std::nullopt);
  return kOk;
}

// Progress and timeline
Status progressStart(void *handle, const char *) { return effectOf(handle, "progressStart") ? kOk : kErrBadHandle; }
Status progressStart2(void *handle, const char *, const char *) { return progressStart(handle, nullptr); }
Status progressUpdate(void *handle, double) {
  Effect *effect = effectOf(handle, "progressUpdate");
  return !effect ? kErrBadHandle : effect->aborted ? kReplyNo : kOk;
}
Status progressEnd(void *handle) { return effectOf(handle, "progressEnd") ? kOk : kErrBadHandle; }

Status getTime(void *handle, double *time) {
  Effect *effect = effectOf(handle, "getTime");
  if (!effect) return kErrBadHandle;
  *time = effect->timeline;
  return kOk;
}
Status gotoTime(void *handle, double) {
  if (effectOf(handle, "gotoTime")) violation("moved the timeline");
  return kFailed;
}
Status getTimeBounds(void *handle, double *first, double *last) {
  Effect *effect = effectOf(handle, "getTimeBounds");
  if (!effect) return kErrBadHandle;
  RangeD frames = effect->findClip("Source")->setup.frames;
  *first = frames.min;
  *last = frames.max;
  return kOk;
}

const abi::MemorySuite kMemory = {memoryAlloc, memoryFree};
const abi::MultiThreadSuite kThreads = {multiThread,  numCPUs,   index,       isSpawned,   mutexCreate,
                                        mutexDestroy, mutexLock, mutexUnLock, mutexTryLock};
const abi::MessageSuiteV1 kMessage1 = {say};
const abi::MessageSuiteV2 kMessage2 = {say, setPersistent, clearPersistent};
const abi::MessageSuiteV2 kMessage2Hollow = {nullptr, nullptr, nullptr};  // Resolve 14
const abi::ProgressSuiteV1 kProgress1 = {progressStart, progressUpdate, progressEnd};
const abi::ProgressSuiteV2 kProgress2 = {progressStart2, progressUpdate, progressEnd};
const abi::TimeLineSuite kTimeLine = {getTime, gotoTime, getTimeBounds};

}  // namespace

const void *memorySuite() { return &kMemory; }
const void *multiThreadSuite() { return &kThreads; }
const void *timeLineSuite() { return &kTimeLine; }
const void *progressSuite(int version) {
  return version == 1 ? static_cast<const void *>(&kProgress1) : version == 2 ? &kProgress2 : nullptr;
}
const void *messageSuite(const Personality &personality, int version) {
  if (version == 1) return &kMessage1;
  if (version != 2 || !personality.message_suite_v2) return nullptr;
  return personality.message_v2_members ? &kMessage2 : &kMessage2Hollow;
}

bool leakedMemory(Handle host) {
  std::lock_guard<std::mutex> lock(memory_mutex);
  return std::any_of(blocks.begin(), blocks.end(), [=](const auto &block) { return block.second == host; });
}

}  // namespace ofxhost
