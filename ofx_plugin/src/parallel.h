// Splits work on a frame's rows over a few short-lived threads: one core alone does not fill the memory bus.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace onelight {

constexpr std::size_t kWorthAThread = std::size_t(4) << 20;  // bytes; starting a thread costs what copying ~1 MB does
constexpr unsigned kMostThreads = 4;

// Calls work(first, last) for consecutive parts of [0, count), on this thread and, for `bytes` worth it, on others.
// What `work` throws is thrown here, once all are done. A host out of threads gets everything done on this one.
template <typename Work>
void in_parts(int count, std::size_t bytes, const Work &work) {
  const unsigned cores = std::min(kMostThreads, std::max(1u, std::thread::hardware_concurrency()));
  const int parts = std::max(1, std::min({int(cores), count, int(std::min<std::size_t>(bytes / kWorthAThread, 64))}));
  std::vector<std::thread> others;
  std::exception_ptr trouble;
  std::mutex mutex;
  const auto careful = [&](int first, int last) {
    try {
      work(first, last);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      trouble = std::current_exception();
    }
  };
  others.reserve(std::size_t(parts));
  int done = 0;
  try {
    for (int part = 0; part + 1 < parts; ++part) {
      const int last = int(long(count) * (part + 1) / parts);
      others.emplace_back([&careful, done, last] { careful(done, last); });
      done = last;
    }
  } catch (const std::system_error &) {
    // no more threads: the rest is done below
  }
  careful(done, count);
  for (std::thread &other : others) other.join();
  if (trouble) std::rethrow_exception(trouble);
}

inline void copy_bytes(void *to, const void *from, std::size_t bytes) {
  constexpr std::size_t kPiece = 1 << 16;
  const int pieces = int((bytes + kPiece - 1) / kPiece);
  in_parts(pieces, bytes, [=](int first, int last) {
    const std::size_t start = std::size_t(first) * kPiece, end = std::min(bytes, std::size_t(last) * kPiece);
    std::memcpy(static_cast<char *>(to) + start, static_cast<const char *>(from) + start, end - start);
  });
}

}  // namespace onelight
