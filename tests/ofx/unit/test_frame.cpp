// Pixels between a host's images and the packed frame: depths, components, rows, bounds.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "frame.h"
#include "half.h"

namespace onelight {
namespace {

// An image with memory of its own; `negative` puts its last line first in memory, `padding` bytes lie between lines.
struct Owned {
  Owned(Layout layout, Rect bounds, bool negative = false, std::size_t padding = 0) {
    const std::size_t line = std::size_t(width(bounds)) * layout.pixel_bytes() + padding;
    memory.assign(line * std::size_t(height(bounds)), 0xee);
    image.layout = layout;
    image.bounds = image.region = image.data_window = bounds;
    image.row_bytes = negative ? -std::ptrdiff_t(line) : std::ptrdiff_t(line);
    image.data = negative ? memory.data() + line * std::size_t(height(bounds) - 1) : memory.data();
  }
  template <typename T>
  void put(int x, int y, int channel, T value) {
    std::memcpy(static_cast<unsigned char *>(image.at(x, y)) + std::size_t(channel) * sizeof(T), &value, sizeof(T));
  }
  std::vector<unsigned char> memory;
  Image image;
};

template <typename T>
std::vector<T> packed(const Image &image, Rect window, bool half) {
  std::vector<T> pixels(std::size_t(width(window)) * std::size_t(height(window)) * 4, T(77));
  pack(image, window, half, pixels.data());
  return pixels;
}

TEST(Frame, AMatteIsEmptyWhenNoChannelHoldsAnything) {
  Owned matte({Sample::Float, 4}, {0, 0, 5, 3}, true, 8);
  for (int y = 0; y < 3; ++y) std::memset(matte.image.at(0, y), 0, 5 * 16);
  EXPECT_TRUE(is_empty(matte.image)) << "what lies between the lines does not count";
  EXPECT_TRUE(is_black(matte.image));
  matte.put(4, 2, 3, 0.25f);
  EXPECT_FALSE(is_empty(matte.image)) << "drawn in alpha alone";
  EXPECT_TRUE(is_black(matte.image));
}

TEST(Frame, AShrunkWindowIsAnchoredToTheOriginAndCoversTheWholeOfIt) {
  const auto sides = [](const Rect &r) { return std::vector<int>{r.x1, r.y1, r.x2, r.y2}; };
  EXPECT_EQ(sides(shrunk({0, 0, 8, 6}, 2)), std::vector<int>({0, 0, 4, 3}));
  EXPECT_EQ(sides(shrunk({-3, -4, 5, 7}, 2)), std::vector<int>({-2, -2, 3, 4}));
  EXPECT_EQ(sides(shrunk({3, 1, 4, 2}, 4)), std::vector<int>({0, 0, 1, 1}));
  EXPECT_EQ(sides(shrunk({-1, 2, 9, 5}, 1)), std::vector<int>({-1, 2, 9, 5}));
}

TEST(Frame, AShrunkPictureIsTheMeanOfWhatEachPixelCovers) {
  Owned plate({Sample::Float, 4}, {-1, 0, 4, 3});
  for (int y = 0; y < 3; ++y) {
    for (int x = -1; x < 4; ++x) {
      for (int c = 0; c < 4; ++c) plate.put(x, y, c, float(10 * y + x + 100 * c));
    }
  }
  plate.put(0, 0, 0, std::numeric_limits<float>::quiet_NaN());
  plate.put(3, 2, 1, 1e9f);
  const Rect small = shrunk(plate.image.region, 2);  // 3 x 2
  std::vector<std::uint16_t> packed(std::size_t(width(small)) * std::size_t(height(small)) * 4);
  pack_shrunk(plate.image, plate.image.region, 2, packed.data());
  const auto at = [&](int column, int line, int channel) {
    return half_to_float(packed[std::size_t((line * width(small) + column) * 4 + channel)]);
  };
  EXPECT_FLOAT_EQ(at(0, 0, 0), 19.0f) << "top left: one column and one line of it are inside";
  EXPECT_FLOAT_EQ(at(0, 1, 2), 204.0f) << "one column, two lines";
  EXPECT_NEAR(at(1, 1, 0), (1.0f + 10.0f + 11.0f) / 3, 0.01f) << "a broken pixel does not count";
  EXPECT_FLOAT_EQ(at(2, 0, 1), 65504.0f) << "the largest half, not infinity";
  EXPECT_FLOAT_EQ(at(2, 1, 3), (302.0f + 303.0f + 312.0f + 313.0f) / 4);
}

TEST(Frame, TwoImagesAreTheSameWhereTheirPixelsAreHoweverTheyAreKept) {
  Owned one({Sample::Half, 4}, {3, -2, 8, 4}, false, 12), other({Sample::Half, 4}, {3, -2, 8, 4}, true, 40);
  EXPECT_TRUE(same_pixels(one.image, other.image));
  other.put(7, 3, 3, std::uint16_t(0x8000));
  EXPECT_FALSE(same_pixels(one.image, other.image)) << "the last sample of the top right pixel";
  EXPECT_FALSE(same_pixels(one.image, Owned({Sample::Half, 4}, {4, -2, 9, 4}).image)) << "another place";
  EXPECT_FALSE(same_pixels(one.image, Owned({Sample::Short, 4}, {3, -2, 8, 4}).image)) << "another layout";
}

TEST(Frame, TheTopRowTravelsFirstHoweverTheHostKeepsItsRows) {
  for (const bool negative : {false, true}) {
    Owned owned({Sample::Float, 4}, {3, -2, 5, 1}, negative, 12);
    for (int y = -2; y < 1; ++y) {
      for (int x = 3; x < 5; ++x) {
        for (int c = 0; c < 4; ++c) owned.put(x, y, c, float(100 * y + 10 * x + c));
      }
    }
    const auto pixels = packed<float>(owned.image, {3, -2, 5, 1}, false);
    EXPECT_EQ(pixels[0], 0.0f + 30 + 0) << "x 3, y 0: the top left pixel";
    EXPECT_EQ(pixels[7], 0.0f + 40 + 3);
    EXPECT_EQ(pixels[2 * 4], -100.0f + 30);
    EXPECT_EQ(pixels[4 * 4 + 1], -200.0f + 30 + 1) << "the bottom row comes last";
  }
}

TEST(Frame, OutsideTheDataWindowThereIsNothing) {
  Owned owned({Sample::Float, 4}, {0, 0, 4, 4});
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      for (int c = 0; c < 4; ++c) owned.put(x, y, c, 1.0f);
    }
  }
  owned.image.region = {1, 1, 6, 3};  // the host gave more below and left, and less on the right
  owned.image.data_window = intersection(owned.image.bounds, owned.image.region);
  const auto pixels = packed<float>(owned.image, {0, 0, 6, 4}, false);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 6; ++x) {
      const bool data = x >= 1 && x < 4 && y >= 1 && y < 3;
      for (int c = 0; c < 4; ++c) {
        EXPECT_EQ(pixels[std::size_t(((3 - y) * 6 + x) * 4 + c)], data ? 1.0f : 0.0f) << x << ", " << y;
      }
    }
  }
}

TEST(Frame, EveryByteComesBackFromItsHalf) {
  std::vector<uint8_t> bytes(256 * 4), back(256 * 4);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = uint8_t(i / 4 + i % 4);
  std::vector<uint16_t> halves(bytes.size());
  convert_row({Sample::Byte, 4}, bytes.data(), {Sample::Half, 4}, halves.data(), 256);
  EXPECT_EQ(halves[0], 0) << "0 is 0.0";
  EXPECT_EQ(halves[255 * 4], 0x3c00) << "255 is 1.0";
  convert_row({Sample::Half, 4}, halves.data(), {Sample::Byte, 4}, back.data(), 256);
  EXPECT_EQ(back, bytes);
}

TEST(Frame, EveryShortComesBackFromItsFloat) {
  std::vector<uint16_t> shorts(65536), back(65536);
  for (std::size_t i = 0; i < shorts.size(); ++i) shorts[i] = uint16_t(i);
  std::vector<float> floats(65536);
  convert_row({Sample::Short, 4}, shorts.data(), {Sample::Float, 4}, floats.data(), 65536 / 4);
  EXPECT_EQ(floats[0], 0.0f);
  EXPECT_EQ(floats[65535], 1.0f);
  convert_row({Sample::Float, 4}, floats.data(), {Sample::Short, 4}, back.data(), 65536 / 4);
  EXPECT_EQ(back, shorts);
}

TEST(Frame, HalvesAndFloatsKeepTheirBits) {
  std::vector<uint16_t> halves(65536), back(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = uint16_t(i);  // every NaN there is too
  convert_row({Sample::Half, 4}, halves.data(), {Sample::Half, 4}, back.data(), 65536 / 4);
  EXPECT_EQ(back, halves);
  const uint32_t odd[4] = {0x7fa00001u, 0xff800000u, 0x80000000u, 0x00000001u};  // signalling NaN, -inf, -0, denormal
  uint32_t out[4];
  convert_row({Sample::Float, 4}, odd, {Sample::Float, 4}, out, 1);
  EXPECT_EQ(std::memcmp(odd, out, sizeof out), 0);
}

TEST(Frame, IntegersRoundToNearestAndClampFloatsNever) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float values[8] = {-2.0f, 8.0f, 127.4f / 255, 127.6f / 255, inf, -inf, nan, 0.5f};
  uint8_t bytes[8];
  convert_row({Sample::Float, 4}, values, {Sample::Byte, 4}, bytes, 2);
  const uint8_t expected[8] = {0, 255, 127, 128, 255, 0, 0, 128};
  EXPECT_EQ(std::memcmp(bytes, expected, sizeof bytes), 0);
  uint16_t halves[8];
  convert_row({Sample::Float, 4}, values, {Sample::Half, 4}, halves, 2);
  EXPECT_EQ(half_to_float(halves[0]), -2.0f);
  EXPECT_EQ(half_to_float(halves[1]), 8.0f);
}

TEST(Frame, RgbGainsAnAlphaOfOneAndLosesItAgain) {
  const float rgb[6] = {1, 2, 3, 4, 5, 6};
  float rgba[8], back[6];
  convert_row({Sample::Float, 3}, rgb, {Sample::Float, 4}, rgba, 2);
  const float expected[8] = {1, 2, 3, 1, 4, 5, 6, 1};
  EXPECT_EQ(std::memcmp(rgba, expected, sizeof rgba), 0);
  convert_row({Sample::Float, 4}, rgba, {Sample::Float, 3}, back, 2);
  EXPECT_EQ(std::memcmp(back, rgb, sizeof back), 0);
  const uint8_t bytes[3] = {10, 20, 30};
  uint16_t halves[4];
  convert_row({Sample::Byte, 3}, bytes, {Sample::Half, 4}, halves, 1);
  EXPECT_EQ(halves[3], 0x3c00);
}

TEST(Frame, OneChannelIsPutIntoAllFour) {
  const float matte[2] = {0.25f, 0.75f};
  float rgba[8];
  convert_row({Sample::Float, 1}, matte, {Sample::Float, 4}, rgba, 2);
  const float expected[8] = {0.25f, 0.25f, 0.25f, 0.25f, 0.75f, 0.75f, 0.75f, 0.75f};
  EXPECT_EQ(std::memcmp(rgba, expected, sizeof rgba), 0);
}

TEST(Frame, ARowIsTheImagesOwnWhereNothingHasToBeDone) {
  Owned owned({Sample::Half, 4}, {0, 0, 4, 2});
  std::vector<unsigned char> scratch;
  EXPECT_EQ(row(owned.image, {Sample::Half, 4}, 1, 4, 1, &scratch), owned.image.at(1, 1));
  EXPECT_NE(row(owned.image, {Sample::Half, 4}, 1, 5, 1, &scratch), owned.image.at(1, 1)) << "reaches past the image";
  const auto *beyond = static_cast<const uint16_t *>(row(owned.image, {Sample::Half, 4}, 1, 5, 1, &scratch));
  EXPECT_EQ(beyond[0], 0xeeee);
  for (int c = 0; c < 4; ++c) EXPECT_EQ(beyond[3 * 4 + c], 0);
  const auto *above = static_cast<const uint16_t *>(row(owned.image, {Sample::Half, 4}, 0, 4, 7, &scratch));
  EXPECT_EQ(above[0], 0);
}

TEST(Frame, AMaskIsItsAlphaOrItsOnlyChannelAndZeroOutside) {
  Owned rgba({Sample::Float, 4}, {2, 0, 4, 1});
  for (int x = 2; x < 4; ++x) {
    for (int c = 0; c < 3; ++c) rgba.put(x, 0, c, 9.0f);
    rgba.put(x, 0, 3, 0.5f);
  }
  float weights[4];
  mask_row(rgba.image, false, 1, 5, 0, weights);
  const float expected[4] = {0, 0.5f, 0.5f, 0};
  EXPECT_EQ(std::memcmp(weights, expected, sizeof weights), 0);
  mask_row(rgba.image, true, 1, 5, 0, weights);
  const float inverted[4] = {1, 0.5f, 0.5f, 1};
  EXPECT_EQ(std::memcmp(weights, inverted, sizeof weights), 0);
  Owned alpha({Sample::Byte, 1}, {0, 0, 2, 1});
  alpha.put(0, 0, 0, uint8_t(255));
  alpha.put(1, 0, 0, uint8_t(0));
  mask_row(alpha.image, false, 0, 2, 0, weights);
  EXPECT_EQ(weights[0], 1.0f);
  EXPECT_EQ(weights[1], 0.0f);
}

TEST(Frame, OnlyColourMakesAnImageMoreThanBlack) {
  Owned owned({Sample::Float, 4}, {0, 0, 2, 2});
  std::fill(owned.memory.begin(), owned.memory.end(), 0);
  owned.put(1, 1, 3, 1.0f);
  EXPECT_TRUE(is_black(owned.image)) << "an alpha of 1 is what some hosts give for nothing";
  owned.put(1, 1, 2, 1e-6f);
  EXPECT_FALSE(is_black(owned.image));
}

}  // namespace
}  // namespace onelight
