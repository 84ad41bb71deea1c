// A pool of big buffers that are reused from frame to frame: a fresh one costs a page fault for every 4 KB, which is
// ten times what copying a frame costs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace onelight {

// One buffer, page-aligned, already faulted in. Owned by one frame at a time, so nothing here needs a lock.
struct Segment {
  void *data = nullptr;
  std::size_t bytes = 0;
  int fd = -1;                                 // a memfd whose size is sealed, or -1 for private memory
  uint64_t serial = 0;                         // unique in this process
  bool poisoned = false;                       // somebody may still read or write it: close it, never reuse it
  std::map<std::string, uint64_t> registered;  // server -> the lease under which it knows this segment

  Segment(std::size_t bytes, bool shared, const std::string &name);
  ~Segment();
  Segment(const Segment &) = delete;
  Segment &operator=(const Segment &) = delete;
};

class Pool {
 public:
  enum class Kind { Shared, Private };

  // `name` shows in /proc/<pid>/fd; `idle_limit` bounds the bytes that are kept for later frames;
  // `before_close` is called without locks held for each segment that the pool lets go.
  Pool(Kind kind, std::string name, std::size_t idle_limit, std::function<void(Segment &)> before_close = {});

  // A buffer of at least `bytes`; it returns to the pool with its last owner. The pool must outlive it.
  // Throws std::system_error when memory, a limit or the kernel does not allow it: better now than a SIGBUS later.
  std::shared_ptr<Segment> take(std::size_t bytes);

  std::size_t idle_bytes();
  static std::size_t size_class(std::size_t bytes);

 private:
  struct Idle {
    std::unique_ptr<Segment> segment;
    std::chrono::steady_clock::time_point since;
  };
  void give_back(Segment *segment) noexcept;
  void close(std::list<Idle> &surplus) noexcept;

  const Kind kind_;
  const std::string name_;
  const std::size_t idle_limit_;
  const std::function<void(Segment &)> before_close_;
  std::mutex mutex_;
  std::list<Idle> idle_;  // most recently used first
  std::size_t idle_bytes_ = 0;
};

}  // namespace onelight
