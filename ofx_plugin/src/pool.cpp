#include "pool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace onelight {
namespace {

constexpr auto keep_idle = std::chrono::seconds(60);
constexpr std::size_t smallest = 64 * 1024;

[[noreturn]] void fail(int code, const char *what) { throw std::system_error(code, std::generic_category(), what); }

int sealed_memory(std::size_t bytes, const std::string &name) {
  // Growing a file past this limit is a SIGXFSZ, not an error, and would end the host.
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) fail(EFBIG, "shared memory");
  const int fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) fail(errno, "shared memory");
  int error;
  while ((error = posix_fallocate(fd, 0, off_t(bytes))) == EINTR) {
  }
  // Sealed, so that the server can map it without fear of a client that truncates it under its feet.
  if (!error && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) error = errno;
  if (error) {
    ::close(fd);
    fail(error, "shared memory");
  }
  return fd;
}

}  // namespace

Segment::Segment(std::size_t size, bool shared, const std::string &name) : bytes(size) {
  static std::atomic<uint64_t> next{1};
  serial = next++;
  if (shared) fd = sealed_memory(bytes, name);
  const int flags = (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_POPULATE;
  data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (data == MAP_FAILED) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    fail(error, "frame buffer");
  }
}

Segment::~Segment() {
  munmap(data, bytes);
  if (fd >= 0) ::close(fd);
}

Pool::Pool(Kind kind, std::string name, std::size_t idle_limit, std::function<void(Segment &)> before_close)
    : kind_(kind), name_(std::move(name)), idle_limit_(idle_limit), before_close_(std::move(before_close)) {}

// Four classes for each power of two: at most a fifth is wasted, and clips of one size always share a class.
std::size_t Pool::size_class(std::size_t bytes) {
  std::size_t power = smallest;
  while (power * 2 <= bytes) power *= 2;
  const std::size_t step = power / 4;
  return bytes <= smallest ? smallest : (bytes + step - 1) / step * step;
}

std::shared_ptr<Segment> Pool::take(std::size_t bytes) {
  const std::size_t wanted = size_class(bytes);
  const auto returns = [this](Segment *segment) { give_back(segment); };
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (auto at = idle_.begin(); at != idle_.end(); ++at) {
      if (at->segment->bytes != wanted) continue;
      Segment *segment = at->segment.release();
      idle_.erase(at);
      idle_bytes_ -= wanted;
      return {segment, returns};
    }
  }
  return {new Segment(wanted, kind_ == Kind::Shared, name_), returns};
}

void Pool::give_back(Segment *segment) noexcept {
  std::list<Idle> surplus;
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto &where = segment->poisoned ? surplus : idle_;
    where.push_front({std::unique_ptr<Segment>(segment), now});
    if (!segment->poisoned) idle_bytes_ += segment->bytes;
    while (!idle_.empty() && (idle_bytes_ > idle_limit_ || now - idle_.back().since > keep_idle)) {
      idle_bytes_ -= idle_.back().segment->bytes;
      surplus.splice(surplus.end(), idle_, std::prev(idle_.end()));
    }
  }
  close(surplus);
}

void Pool::close(std::list<Idle> &surplus) noexcept {
  for (auto &each : surplus) {
    if (before_close_) before_close_(*each.segment);
  }
}

std::size_t Pool::idle_bytes() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return idle_bytes_;
}

}  // namespace onelight
