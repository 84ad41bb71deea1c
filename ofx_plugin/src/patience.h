// How long a caller waits, and whether it still wants the answer.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace onelight {

class Patience {
 public:
  using Clock = std::chrono::system_clock;  // what gRPC's deadlines are made of
  // Hosts are promised that an abort is noticed within this time.
  static constexpr std::chrono::milliseconds poll{20};

  Patience(double seconds, std::function<bool()> aborted)
      : seconds_(std::clamp(seconds, 0.0, 1e6)),
        end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds_))),
        aborted_(std::move(aborted)) {}

  double seconds() const { return seconds_; }
  Clock::time_point end() const { return end_; }
  Clock::time_point next_poll() const { return std::min(Clock::now() + poll, end_); }
  bool over() const { return Clock::now() >= end_; }
  bool aborted() const { return aborted_ && aborted_(); }

 private:
  double seconds_;
  Clock::time_point end_;
  std::function<bool()> aborted_;
};

}  // namespace onelight
