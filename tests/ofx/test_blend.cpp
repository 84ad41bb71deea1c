// What an artist may rely on when a result is laid over the plate: untouched means the same bits.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "blend.h"
#include "half.h"

namespace onelight {
namespace {

constexpr std::size_t pixels = 257;

struct Rows {
  Sample sample;
  int channels;
  std::size_t sample_bytes;
  std::vector<uint8_t> plate, result, out;

  Rows(Sample sample, int channels)
      : sample(sample),
        channels(channels),
        sample_bytes(sample == Sample::Byte    ? 1
                     : sample == Sample::Float ? 4
                                               : 2),
        plate(pixels * std::size_t(channels) * sample_bytes),
        result(plate.size()),
        out(plate.size(), 0xcd) {
    std::mt19937 random(7);  // any bits at all: NaNs with payloads, inf and denormals are among them
    for (auto &byte : plate) byte = uint8_t(random());
    for (auto &byte : result) byte = uint8_t(random());
  }
  void blend(float mix, const float *mask, bool alpha_from_result = false) {
    blend_row({sample, channels, mix, alpha_from_result}, plate.data(), result.data(), mask, out.data(), pixels);
  }
  bool same(std::size_t pixel, int channel, const std::vector<uint8_t> &other) const {
    const std::size_t at = (pixel * std::size_t(channels) + std::size_t(channel)) * sample_bytes;
    return std::memcmp(out.data() + at, other.data() + at, sample_bytes) == 0;
  }
};

const Sample all_samples[] = {Sample::Byte, Sample::Short, Sample::Half, Sample::Float};
const int all_channels[] = {1, 3, 4};

TEST(Blend, APassLeadsToItsNeutralValueUnderItsOwnAlpha) {
  const float plate[8] = {9, 9, 9, 9, 9, 9, 9, 9}, pass[8] = {3, 5, -1, 0.25f, 3, 5, -1, 0.25f}, mask[2] = {0, 0.5f};
  float out[8];
  blend_row({Sample::Float, 4, 0.5f, false, 1.0f}, plate, pass, mask, out, 2);
  EXPECT_EQ(std::vector<float>(out, out + 8), (std::vector<float>{1, 1, 1, 0.25f, 1.5f, 2, 0.5f, 0.25f}));
  blend_row({Sample::Float, 4, 1.0f, false, 1.0f}, plate, pass, nullptr, out, 2);
  EXPECT_EQ(std::vector<float>(out, out + 8), std::vector<float>(pass, pass + 8));
  const uint8_t grey[3] = {100, 100, 100};
  uint8_t bytes[3];
  blend_row({Sample::Byte, 3, 0.0f, false, 1.0f}, grey, grey, nullptr, bytes, 1);
  EXPECT_EQ(bytes[0], 255) << "1 is full scale";
}

TEST(Blend, NothingIsTouchedWhereMaskOrMixIsZero) {
  const std::vector<float> zero(pixels, 0.0f);
  for (const Sample sample : all_samples) {
    for (const int channels : all_channels) {
      Rows rows(sample, channels);
      rows.blend(1.0f, zero.data(), true);
      EXPECT_EQ(rows.out, rows.plate);
      rows.blend(0.0f, nullptr, true);
      EXPECT_EQ(rows.out, rows.plate);
    }
  }
}

TEST(Blend, TheResultArrivesBitForBitWhereMaskAndMixAreOne) {
  const std::vector<float> one(pixels, 1.0f);
  for (const Sample sample : all_samples) {
    for (const int channels : all_channels) {
      for (const float *mask : {static_cast<const float *>(nullptr), one.data()}) {
        Rows rows(sample, channels);
        rows.blend(1.0f, mask, true);
        EXPECT_EQ(rows.out, rows.result);
      }
    }
  }
}

TEST(Blend, AlphaIsThePlatesUnlessAskedForOtherwise) {
  std::vector<float> mask(pixels);
  for (std::size_t i = 0; i < pixels; ++i) mask[i] = float(i) / float(pixels - 1);
  for (const Sample sample : all_samples) {
    Rows rows(sample, 4);
    rows.blend(1.0f, mask.data());
    for (std::size_t i = 0; i < pixels; ++i) EXPECT_TRUE(rows.same(i, 3, rows.plate)) << "pixel " << i;
    rows.blend(1.0f, nullptr);
    for (std::size_t i = 0; i < pixels; ++i) {
      EXPECT_TRUE(rows.same(i, 0, rows.result) && rows.same(i, 3, rows.plate)) << "pixel " << i;
    }
  }
}

TEST(Blend, ABrokenMaskLeavesThePlateAndABrightOneIsTheResult) {
  std::vector<float> mask(pixels, std::numeric_limits<float>::quiet_NaN());
  mask[1] = -3.0f;
  mask[2] = 7.0f;
  mask[3] = std::numeric_limits<float>::infinity();
  Rows rows(Sample::Half, 4);
  rows.blend(1.0f, mask.data(), true);
  for (std::size_t i = 0; i < pixels; ++i) {
    for (int c = 0; c < 4; ++c) EXPECT_TRUE(rows.same(i, c, i == 2 || i == 3 ? rows.result : rows.plate));
  }
}

TEST(Blend, HalfwayIsTheMeanInEveryDepthAndEqualSamplesStay) {
  const float mask[] = {0.5f, 0.5f};
  const float plate[] = {-2.0f, 0.1f, 4.0f, 1.0f, std::numeric_limits<float>::infinity(), 0.1f, 0, 1};
  const float result[] = {4.0f, 0.1f, 8.0f, 0.5f, 3.0f, 0.1f, 1, 1};
  float out[8];
  blend_row({Sample::Float, 4, 1.0f, false}, plate, result, mask, out, 2);
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], 0.1f);
  EXPECT_EQ(out[2], 6.0f);
  EXPECT_EQ(out[3], 1.0f);
  EXPECT_EQ(out[4], std::numeric_limits<float>::infinity());  // not NaN
  const uint8_t dark[] = {10, 255, 0}, bright[] = {20, 0, 1};
  uint8_t grey[3];
  blend_row({Sample::Byte, 3, 1.0f, false}, dark, bright, mask, grey, 1);
  EXPECT_EQ(grey[0], 15);
  EXPECT_EQ(grey[1], 128);
  EXPECT_EQ(grey[2], 1);
  const uint16_t half_plate = float_to_half(1.0f), half_result = float_to_half(3.0f);
  uint16_t half = 0;
  blend_row({Sample::Half, 1, 0.25f, false}, &half_plate, &half_result, nullptr, &half, 1);
  EXPECT_EQ(half_to_float(half), 1.5f);
}

TEST(Blend, WorksInPlaceOverThePlateAndOverTheResult) {
  std::vector<float> mask(pixels, 0.25f);
  Rows rows(Sample::Byte, 4);
  rows.blend(0.5f, mask.data());
  auto over_plate = rows.plate, over_result = rows.result;
  const Blend how{Sample::Byte, 4, 0.5f, false};
  blend_row(how, over_plate.data(), rows.result.data(), mask.data(), over_plate.data(), pixels);
  blend_row(how, rows.plate.data(), over_result.data(), mask.data(), over_result.data(), pixels);
  EXPECT_EQ(over_plate, rows.out);
  EXPECT_EQ(over_result, rows.out);
}

// Written from IEEE 754's definition, not from the bit tricks of half.h.
float half_value(uint16_t h) {
  const int exponent = (h >> 10) & 31, fraction = h & 1023;
  const float sign = h & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? NAN : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(float(fraction), -24);
  return sign * std::ldexp(float(1024 + fraction), exponent - 25);
}

TEST(Half, EveryHalfBecomesItsValueAndComesBack) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const float value = half_value(uint16_t(h));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(half_to_float(uint16_t(h))));
      EXPECT_TRUE(std::isnan(half_to_float(float_to_half(half_to_float(uint16_t(h))))));
      continue;
    }
    ASSERT_EQ(half_to_float(uint16_t(h)), value) << h;
    ASSERT_EQ(std::signbit(half_to_float(uint16_t(h))), std::signbit(value)) << h;
    ASSERT_EQ(float_to_half(value), h);
  }
}

TEST(Half, FloatsRoundToTheNearestAndTiesToTheEven) {
  for (uint32_t h = 0; h < 0x7bff; ++h) {  // every pair of neighbours up to 65504
    const float low = half_value(uint16_t(h)), high = half_value(uint16_t(h + 1)), middle = (low + high) / 2;
    ASSERT_EQ(float_to_half(middle), h & 1 ? h + 1 : h) << h;
    ASSERT_EQ(float_to_half(std::nextafter(middle, low)), h);
    ASSERT_EQ(float_to_half(std::nextafter(middle, high)), h + 1);
  }
  EXPECT_EQ(float_to_half(65519.99f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(-1e30f), 0xfc00);
  EXPECT_EQ(float_to_half(-1e-30f), 0x8000);
}

}  // namespace
}  // namespace onelight
