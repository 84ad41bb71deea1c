// Which frames a render asks a host for: sampled by octaves or every one, those that exist, in stretches.
#include "around.h"

#include <gtest/gtest.h>

namespace onelight {
namespace {

using Offsets = std::vector<int>;
using Stretches = std::vector<std::pair<double, double>>;

table::Clip clip(const char *around, const char *spacing) {
  return {"Source", "Source", "", false, false, false, false, false, around, spacing};
}

Reader knobs(int64_t range, const char *step) {
  return
      [=](const char *name) { return std::string(name) == "range" ? KnobValue(range) : KnobValue(std::string(step)); };
}

TEST(Around, AClipWithoutNeighboursNeedsItsOwnFrame) {
  EXPECT_EQ(offsets_needed(clip("", ""), [](const char *) -> KnobValue { throw "no knob is read"; }), Offsets{0});
}

TEST(Around, OctavesDoubleUpToTheReach) {
  const table::Clip source = clip("range", "step");
  EXPECT_EQ(offsets_needed(source, knobs(0, "octaves")), Offsets({0}));
  EXPECT_EQ(offsets_needed(source, knobs(1, "octaves")), Offsets({-1, 0, 1}));
  EXPECT_EQ(offsets_needed(source, knobs(7, "octaves")), Offsets({-4, -2, -1, 0, 1, 2, 4}));
  EXPECT_EQ(offsets_needed(source, knobs(8, "octaves")), Offsets({-8, -4, -2, -1, 0, 1, 2, 4, 8}));
}

TEST(Around, EveryFrameMeansEveryFrameAndSoDoesNoSpacing) {
  const Offsets all{-3, -2, -1, 0, 1, 2, 3};
  EXPECT_EQ(offsets_needed(clip("range", "step"), knobs(3, "every")), all);
  EXPECT_EQ(offsets_needed(clip("range", ""), knobs(3, "octaves")), all);
}

TEST(Around, ANegativeReachIsNone) { EXPECT_EQ(offsets_needed(clip("range", ""), knobs(-5, "")), Offsets{0}); }

TEST(Around, FramesBeyondTheEndsOfTheClipAreNotAskedFor) {
  const Offsets offsets{-4, -2, -1, 0, 1, 2, 4};
  EXPECT_EQ(offsets_within(offsets, 1, 1, 24), Offsets({0, 1, 2, 4}));
  EXPECT_EQ(offsets_within(offsets, 23, 1, 24), Offsets({-4, -2, -1, 0, 1}));
  EXPECT_EQ(offsets_within(offsets, 7, 7, 7), Offsets({0})) << "a still";
  EXPECT_EQ(offsets_within(offsets, 99, 1, 24), Offsets({0})) << "the frame being rendered always counts";
  EXPECT_EQ(offsets_within(offsets, 1.5, 1, 3), Offsets({0, 1})) << "between two frames";
}

TEST(Around, WhatLiesWithoutAGapIsOneStretch) {
  EXPECT_EQ(stretches({0}, 12), Stretches({{12, 12}}));
  EXPECT_EQ(stretches({-2, -1, 0, 1, 2}, 12), Stretches({{10, 14}}));
  EXPECT_EQ(stretches({-8, -4, -2, -1, 0, 1, 2, 4, 8}, 12), Stretches({{4, 4}, {8, 8}, {10, 14}, {16, 16}, {20, 20}}));
  EXPECT_EQ(stretches({0, 1, 2, 4}, 1), Stretches({{1, 3}, {5, 5}}));
}

}  // namespace
}  // namespace onelight
