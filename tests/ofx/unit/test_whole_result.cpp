// A render without mask and mix, the usual one: the result's colours over the plate's alpha, bit for bit.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "blend.h"
#include "frame.h"

namespace onelight {
namespace {

class WholeResult : public testing::TestWithParam<Sample> {};

TEST_P(WholeResult, IsTheResultsColourAndThePlatesAlphaBitForBit) {
  const Layout layout{GetParam(), 4};
  const std::size_t pixel = layout.pixel_bytes(), sample = pixel / 4, pixels = 257;
  std::vector<unsigned char> plate(pixels * pixel + 1), result(plate.size()), out(plate.size());
  for (std::size_t i = 0; i < plate.size(); ++i) {
    plate[i] = static_cast<unsigned char>(i * 37 + 11);  // NaNs, infinities and denormals among them
    result[i] = static_cast<unsigned char>(i * 101 + 5);
  }
  Blend how;
  how.sample = layout.sample;
  for (const std::size_t shift : {std::size_t(0), std::size_t(1)}) {  // hosts' rows need not be aligned
    blend_row(how, plate.data() + shift, result.data() + shift, nullptr, out.data() + shift, pixels);
    for (std::size_t i = 0; i < pixels; ++i) {
      const std::size_t at = i * pixel + shift;
      ASSERT_EQ(std::memcmp(&out[at], &result[at], 3 * sample), 0) << i;
      ASSERT_EQ(std::memcmp(&out[at + 3 * sample], &plate[at + 3 * sample], sample), 0) << i;
    }
  }
  std::vector<unsigned char> own = result;  // over itself, as a host's only buffer may be
  blend_row(how, plate.data(), own.data(), nullptr, own.data(), pixels);
  blend_row(how, plate.data(), result.data(), nullptr, out.data(), pixels);
  EXPECT_EQ(std::memcmp(own.data(), out.data(), pixels * pixel), 0);
}

INSTANTIATE_TEST_SUITE_P(InEveryDepth, WholeResult,
                         testing::Values(Sample::Byte, Sample::Short, Sample::Half, Sample::Float));

}  // namespace
}  // namespace onelight
