// Buffers are reused, sealed against change of size, bounded, and never reused when somebody may still read them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <vector>

#include "local_server.h"
#include "pool.h"

namespace onelight {
namespace {

TEST(Pool, AFrameOfTheSameSizeGetsTheBufferOfTheLastOne) {
  Pool pool(Pool::Kind::Shared, "test", 64 << 20);
  auto first = pool.take(1000000);
  const uint64_t serial = first->serial;
  first.reset();
  EXPECT_EQ(pool.take(999000)->serial, serial);
  const auto held = pool.take(1000000);
  EXPECT_EQ(held->serial, serial);
  EXPECT_NE(pool.take(1000000)->serial, serial);
}

TEST(Pool, SizeClassesWasteAtMostAFifth) {
  for (std::size_t bytes = 64 * 1024; bytes < (std::size_t(1) << 31); bytes = bytes * 17 / 16 + 1) {
    EXPECT_GE(Pool::size_class(bytes), bytes);
    EXPECT_LE(double(Pool::size_class(bytes)), double(bytes) * 1.25);
  }
  EXPECT_EQ(Pool::size_class(1), std::size_t(64) * 1024);
}

TEST(Pool, ASharedBufferIsAMemfdThatCannotChangeItsSize) {
  Pool pool(Pool::Kind::Shared, "test", 64 << 20);
  const auto segment = pool.take(1 << 20);
  EXPECT_EQ(fcntl(segment->fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  EXPECT_NE(ftruncate(segment->fd, 0), 0);
  EXPECT_EQ(errno, EPERM);
  EXPECT_TRUE(fcntl(segment->fd, F_GETFD) & FD_CLOEXEC);
  // Another mapping of it shows the same bytes.
  std::memset(segment->data, 0x5a, segment->bytes);
  void *other = mmap(nullptr, segment->bytes, PROT_READ, MAP_SHARED, segment->fd, 0);
  ASSERT_NE(other, MAP_FAILED);
  EXPECT_EQ(std::memcmp(other, segment->data, segment->bytes), 0);
  munmap(other, segment->bytes);
}

TEST(Pool, APoisonedBufferIsClosedAndReportedNeverReused) {
  std::vector<uint64_t> closed;
  Pool pool(Pool::Kind::Shared, "test", 64 << 20, [&](Segment &segment) { closed.push_back(segment.serial); });
  auto segment = pool.take(1 << 20);
  const uint64_t serial = segment->serial;
  const int fd = segment->fd;
  segment->poisoned = true;
  segment.reset();
  EXPECT_EQ(closed, std::vector<uint64_t>{serial});
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
  EXPECT_NE(pool.take(1 << 20)->serial, serial);
}

TEST(Pool, WhatIsKeptIdleIsBoundedAndTheOldestGoesFirst) {
  std::vector<uint64_t> closed;
  Pool pool(Pool::Kind::Shared, "test", 3 << 20, [&](Segment &segment) { closed.push_back(segment.serial); });
  std::vector<std::shared_ptr<Segment>> held;
  for (int i = 0; i < 5; ++i) held.push_back(pool.take(1 << 20));
  const uint64_t first = held[0]->serial, second = held[1]->serial;
  for (auto &each : held) each.reset();
  EXPECT_EQ(pool.idle_bytes(), std::size_t(3) << 20);
  EXPECT_EQ(closed, (std::vector<uint64_t>{first, second}));
}

TEST(Pool, MemoryThatCannotBeHadIsAnErrorAndNotASignal) {
  // In a child, as a lowered limit cannot be raised again by everybody.
  const pid_t child = fork();
  if (child == 0) {
    rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    Pool pool(Pool::Kind::Shared, "test", 64 << 20);
    try {
      pool.take(16 << 20);
    } catch (const std::system_error &) {
      _exit(pool.take(1 << 19) ? 0 : 2);
    }
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(Pool, FourThreadsNeverShareABuffer) {
  Pool pool(Pool::Kind::Private, "test", 64 << 20);
  std::vector<std::thread> threads;
  std::atomic<int> clashes{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const auto segment = pool.take(100000);
        auto *words = static_cast<int *>(segment->data);
        words[0] = words[1000] = t;
        std::this_thread::yield();
        if (words[0] != t || words[1000] != t) ++clashes;
      }
    });
  }
  for (auto &each : threads) each.join();
  EXPECT_EQ(clashes, 0);
}

TEST(LocalServer, ACommandLineIsSplitAtBlanksOutsideQuotes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_command("\"/opt/my tools/bin/onelight-server\" --workers 2\n"),
            (Words{"/opt/my tools/bin/onelight-server", "--workers", "2"}));
  EXPECT_EQ(split_command("  a 'b \"c\"' \"\" d\"e f\"g "), (Words{"a", "b \"c\"", "", "de fg"}));
  EXPECT_EQ(split_command(" \t\r\n"), Words{});
}

}  // namespace
}  // namespace onelight
