// The host's progress bar around a long piece of work, where it has one; the user may cancel there.
#pragma once

#include <algorithm>
#include <string>

#include "suites.h"

namespace onelight {

class Progress {
 public:
  Progress(const Suites &suites, ofx::Effect effect, const std::string &label) : suites_(suites), effect_(effect) {
    if (suites.progress_v2 && suites.progress_v2->progressStart) {
      suites.progress_v2->progressStart(effect, label.c_str(), "");
    } else if (suites.progress && suites.progress->progressStart) {
      suites.progress->progressStart(effect, label.c_str());
    }
  }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() {
    if (suites_.progress_v2 && suites_.progress_v2->progressEnd) {
      suites_.progress_v2->progressEnd(effect_);
    } else if (suites_.progress && suites_.progress->progressEnd) {
      suites_.progress->progressEnd(effect_);
    }
  }

  // `part` is 0..1. True when the user cancelled.
  bool update(double part) {
    part = std::clamp(part, 0.0, 1.0);
    if (suites_.progress_v2 && suites_.progress_v2->progressUpdate) {
      return suites_.progress_v2->progressUpdate(effect_, part) == ofx::StatReplyNo;
    }
    return suites_.progress && suites_.progress->progressUpdate &&
           suites_.progress->progressUpdate(effect_, part) == ofx::StatReplyNo;
  }

 private:
  const Suites &suites_;
  ofx::Effect effect_;
};

}  // namespace onelight
