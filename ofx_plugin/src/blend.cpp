#include "blend.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "half.h"

namespace onelight {
namespace {

struct HalfSample {
  using Type = uint16_t;
  static float load(Type v) { return half_to_float(v); }
  static Type store(float v) { return float_to_half(v); }
};

struct FloatSample {
  using Type = float;
  static float load(Type v) { return v; }
  static Type store(float v) { return v; }
};

// Between two integer samples the lerp stays in range, so rounding is all there is to do; full scale cancels out.
template <typename Integer>
struct IntegerSample {
  using Type = Integer;
  static float load(Type v) { return float(v); }
  static Type store(float v) { return Type(v + 0.5f); }
};

float weight_of(const float *mask, std::size_t i, float mix) {
  const float weight = mask ? mask[i] * mix : mix;
  return weight > 0.0f ? std::min(weight, 1.0f) : 0.0f;  // false for NaN, so that a broken mask leaves the plate
}

template <typename S, int channels, int blended>
void rows(float mix, const void *plate_row, const void *result_row, const float *mask, void *out_row,
          std::size_t pixels) {
  using Type = typename S::Type;
  const auto *plate = static_cast<const Type *>(plate_row);
  const auto *result = static_cast<const Type *>(result_row);
  auto *out = static_cast<Type *>(out_row);
  mix = std::min(mix, 1.0f);
  for (std::size_t i = 0; i < pixels; ++i, plate += channels, result += channels, out += channels) {
    const float weight = weight_of(mask, i, mix);
    // Copied as memory, never through a float register: a signalling NaN must come out as it went in.
    Type pixel[channels];
    std::memcpy(pixel, plate, sizeof pixel);
    if (weight >= 1.0f) {
      std::memcpy(pixel, result, blended * sizeof(Type));
    } else if (weight > 0.0f) {
      for (int c = 0; c < blended; ++c) {
        // Equal samples are left alone, as rounding twice could change their last bit.
        if (std::memcmp(pixel + c, result + c, sizeof(Type)) == 0) continue;
        // Not from + weight * (to - from): that turns an infinite plate into NaN.
        pixel[c] = S::store((1.0f - weight) * S::load(pixel[c]) + weight * S::load(result[c]));
      }
    }
    std::memcpy(out, pixel, sizeof pixel);
  }
}

// Weight 1 everywhere, alpha the plate's: what a render without mask and mix is. A pixel at a time in one integer, or
// two for floats, is as fast as a copy.
template <typename Word, int words>
void result_under_plates_alpha(const void *plate_row, const void *result_row, void *out_row, std::size_t pixels) {
  constexpr Word alpha = words == 1 ? Word(~(~Word(0) >> (sizeof(Word) * 2))) : Word(~(~Word(0) >> (sizeof(Word) * 4)));
  const auto *plate = static_cast<const unsigned char *>(plate_row);
  const auto *result = static_cast<const unsigned char *>(result_row);
  auto *out = static_cast<unsigned char *>(out_row);
  for (std::size_t i = 0; i < pixels; ++i) {
    Word from[words], over[words];
    std::memcpy(from, plate + i * sizeof from, sizeof from);  // a host's rows need not be aligned
    std::memcpy(over, result + i * sizeof over, sizeof over);
    over[words - 1] = (over[words - 1] & ~alpha) | (from[words - 1] & alpha);
    std::memcpy(out + i * sizeof over, over, sizeof over);
  }
}

template <typename S>
void typed(const Blend &how, const void *plate, const void *result, const float *mask, void *out, std::size_t pixels) {
  switch (how.channels) {
    case 4:
      return how.alpha_from_result ? rows<S, 4, 4>(how.mix, plate, result, mask, out, pixels)
                                   : rows<S, 4, 3>(how.mix, plate, result, mask, out, pixels);
    case 3:
      return rows<S, 3, 3>(how.mix, plate, result, mask, out, pixels);
    default:
      return rows<S, 1, 1>(how.mix, plate, result, mask, out, pixels);
  }
}

template <typename S>
void colours_at(float value, int channels, void *row, std::size_t pixels) {
  auto *pixel = static_cast<typename S::Type *>(row);
  const auto stored = S::store(value);
  for (std::size_t i = 0; i < pixels; ++i, pixel += channels) std::fill_n(pixel, std::min(channels, 3), stored);
}

// A row whose colours are the neutral value and whose alpha is the result's.
std::vector<unsigned char> neutral_row(const Blend &how, const void *result, std::size_t pixels, std::size_t bytes) {
  const auto *from = static_cast<const unsigned char *>(result);
  std::vector<unsigned char> row(from, from + bytes);
  const float value = *how.neutral, in_range = std::clamp(value, 0.0f, 1.0f);
  switch (how.sample) {
    case Sample::Byte:
      colours_at<IntegerSample<uint8_t>>(in_range * 255.0f, how.channels, row.data(), pixels);
      break;
    case Sample::Short:
      colours_at<IntegerSample<uint16_t>>(in_range * 65535.0f, how.channels, row.data(), pixels);
      break;
    case Sample::Half:
      colours_at<HalfSample>(value, how.channels, row.data(), pixels);
      break;
    case Sample::Float:
      colours_at<FloatSample>(value, how.channels, row.data(), pixels);
      break;
  }
  return row;
}

std::size_t sample_bytes(Sample sample) { return sample == Sample::Byte ? 1 : sample == Sample::Float ? 4 : 2; }

}  // namespace

void blend_row(const Blend &how, const void *plate, const void *result, const float *mask, void *out,
               std::size_t pixels) {
  const bool whole_result = how.channels != 4 || how.alpha_from_result || how.neutral;
  const std::size_t bytes = pixels * std::size_t(how.channels) * sample_bytes(how.sample);
  // Without a mask the two ends are plain copies, which is what most renders are.
  if (!mask && how.mix >= 1.0f && whole_result) {
    std::memmove(out, result, bytes);
    return;
  }
  if (how.neutral) {
    Blend over = how;
    over.neutral.reset();
    over.alpha_from_result = true;
    const auto row = neutral_row(how, result, pixels, bytes);
    return blend_row(over, row.data(), result, mask, out, pixels);
  }
  if (!mask && !(how.mix > 0.0f)) {
    std::memmove(out, plate, bytes);
    return;
  }
  if (!mask && how.mix >= 1.0f) {
    if (how.sample == Sample::Float) return result_under_plates_alpha<uint64_t, 2>(plate, result, out, pixels);
    if (how.sample == Sample::Byte) return result_under_plates_alpha<uint32_t, 1>(plate, result, out, pixels);
    return result_under_plates_alpha<uint64_t, 1>(plate, result, out, pixels);
  }
  switch (how.sample) {
    case Sample::Byte:
      return typed<IntegerSample<uint8_t>>(how, plate, result, mask, out, pixels);
    case Sample::Short:
      return typed<IntegerSample<uint16_t>>(how, plate, result, mask, out, pixels);
    case Sample::Half:
      return typed<HalfSample>(how, plate, result, mask, out, pixels);
    case Sample::Float:
      return typed<FloatSample>(how, plate, result, mask, out, pixels);
  }
}

}  // namespace onelight
