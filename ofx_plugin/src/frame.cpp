#include "frame.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "half.h"
#include "parallel.h"

namespace onelight {
namespace {

constexpr uint16_t half_one = 0x3c00;

// Clamped to 0..1; NaN is 0. Two selects, so that a row of them becomes vector code.
inline float unit(float v) {
  const float low = v > 0.0f ? v : 0.0f;
  return low < 1.0f ? low : 1.0f;
}

struct ByteSample {
  using Type = uint8_t;
  static constexpr Type one = 255;
  static float load(Type v) { return float(v) / 255.0f; }
  static Type store(float v) { return Type(int(unit(v) * 255.0f + 0.5f)); }
};
struct ShortSample {
  using Type = uint16_t;
  static constexpr Type one = 65535;
  static float load(Type v) { return float(v) / 65535.0f; }
  static Type store(float v) { return Type(int(unit(v) * 65535.0f + 0.5f)); }
};
struct HalfSample {
  using Type = uint16_t;
  static constexpr Type one = half_one;
  static float load(Type v) { return half_to_float(v); }
  static Type store(float v) { return float_to_half(v); }
};
struct FloatSample {
  using Type = float;
  static constexpr Type one = 1.0f;
  static float load(Type v) { return v; }
  static Type store(float v) { return v; }
};

// Tables beat arithmetic for the two conversions that every frame of an 8-bit clip goes through. Built on first use.
const std::array<uint16_t, 256> &half_of_byte() {
  static const auto table = [] {
    std::array<uint16_t, 256> made;
    for (int i = 0; i < 256; ++i) made[std::size_t(i)] = float_to_half(ByteSample::load(uint8_t(i)));
    return made;
  }();
  return table;
}
const std::array<uint8_t, 65536> &byte_of_half() {
  static const auto *const table = [] {
    auto *made = new std::array<uint8_t, 65536>;  // kept for the life of the process
    for (int i = 0; i < 65536; ++i) (*made)[std::size_t(i)] = ByteSample::store(half_to_float(uint16_t(i)));
    return made;
  }();
  return *table;
}

// One sample; an object, so that a table is looked for once a row and not once a sample.
template <typename From, typename To>
struct Converter {
  typename To::Type operator()(typename From::Type v) const { return To::store(From::load(v)); }
};
template <typename Same>
struct Converter<Same, Same> {
  typename Same::Type operator()(typename Same::Type v) const { return v; }
};
template <>
struct Converter<ByteSample, HalfSample> {
  const uint16_t *table = half_of_byte().data();
  uint16_t operator()(uint8_t v) const { return table[v]; }
};
template <>
struct Converter<HalfSample, ByteSample> {
  const uint8_t *table = byte_of_half().data();
  uint8_t operator()(uint16_t v) const { return table[v]; }
};

template <typename From, typename To>
void convert(int from, const void *source, int to, void *target, std::size_t pixels) {
  const auto *in = static_cast<const typename From::Type *>(source);
  auto *out = static_cast<typename To::Type *>(target);
  const Converter<From, To> converted;
  if (from == to) {
    for (std::size_t i = 0; i < pixels * std::size_t(from); ++i) out[i] = converted(in[i]);
    return;
  }
  for (std::size_t i = 0; i < pixels; ++i, in += from, out += to) {
    for (int c = 0; c < to; ++c) {
      // Alpha of RGB is 1; one channel is all four; to one channel goes alpha, or of RGB the red one.
      const int channel = from == 1 ? 0 : to == 1 ? (from == 4 ? 3 : 0) : c;
      out[c] = channel < from ? converted(in[channel]) : To::one;
    }
  }
}

template <typename From>
void convert_from(int from, const void *source, Layout to, void *target, std::size_t pixels) {
  switch (to.sample) {
    case Sample::Byte:
      return convert<From, ByteSample>(from, source, to.channels, target, pixels);
    case Sample::Short:
      return convert<From, ShortSample>(from, source, to.channels, target, pixels);
    case Sample::Half:
      return convert<From, HalfSample>(from, source, to.channels, target, pixels);
    case Sample::Float:
      return convert<From, FloatSample>(from, source, to.channels, target, pixels);
  }
}

}  // namespace

Rect intersection(const Rect &a, const Rect &b) {
  const Rect both{std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
  return empty(both) ? Rect{0, 0, 0, 0} : both;
}

std::size_t Layout::pixel_bytes() const {
  return std::size_t(channels) * (sample == Sample::Byte ? 1 : sample == Sample::Float ? 4 : 2);
}

void *Image::at(int x, int y) const {
  return static_cast<unsigned char *>(data) + std::ptrdiff_t(y - bounds.y1) * row_bytes +
         std::ptrdiff_t(x - bounds.x1) * std::ptrdiff_t(layout.pixel_bytes());
}

void convert_row(Layout from, const void *source, Layout to, void *target, std::size_t pixels) {
  if (from == to) {
    std::memcpy(target, source, pixels * from.pixel_bytes());  // bit for bit, signalling NaNs too
    return;
  }
  switch (from.sample) {
    case Sample::Byte:
      return convert_from<ByteSample>(from.channels, source, to, target, pixels);
    case Sample::Short:
      return convert_from<ShortSample>(from.channels, source, to, target, pixels);
    case Sample::Half:
      return convert_from<HalfSample>(from.channels, source, to, target, pixels);
    case Sample::Float:
      return convert_from<FloatSample>(from.channels, source, to, target, pixels);
  }
}

void pack(const Image &image, const Rect &window, bool half, void *packed) {
  const Layout wire{half ? Sample::Half : Sample::Float, 4};
  const std::size_t pixel = wire.pixel_bytes(), line = std::size_t(width(window)) * pixel;
  const Rect inside = intersection(image.data_window, window);
  const int rows = window.y2 - window.y1;
  in_parts(rows, line * std::size_t(rows), [&](int first, int last) {
    for (int i = first; i < last; ++i) {
      const int y = window.y2 - 1 - i;
      auto *target = static_cast<unsigned char *>(packed) + std::size_t(i) * line;
      if (empty(inside) || y < inside.y1 || y >= inside.y2) {
        std::memset(target, 0, line);
        continue;
      }
      const std::size_t left = std::size_t(inside.x1 - window.x1) * pixel;
      const std::size_t middle = std::size_t(width(inside)) * pixel;
      std::memset(target, 0, left);
      convert_row(image.layout, image.at(inside.x1, y), wire, target + left, std::size_t(width(inside)));
      std::memset(target + left + middle, 0, line - left - middle);
    }
  });
}

bool is_black(const Image &image) {
  const Layout all{Sample::Float, 4};
  std::vector<float> pixels(std::size_t(width(image.data_window)) * 4);
  for (int y = image.data_window.y1; y < image.data_window.y2; ++y) {
    convert_row(image.layout, image.at(image.data_window.x1, y), all, pixels.data(), pixels.size() / 4);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (i % 4 != 3 && pixels[i] != 0.0f) return false;
    }
  }
  return true;
}

bool is_empty(const Image &image) {
  const Rect &window = image.data_window;
  const std::size_t bytes = std::size_t(width(window)) * image.layout.pixel_bytes();
  const std::vector<unsigned char> nothing(bytes, 0);
  for (int y = window.y1; y < window.y2; ++y) {
    if (std::memcmp(image.at(window.x1, y), nothing.data(), bytes) != 0) return false;
  }
  return true;
}

Rect shrunk(const Rect &window, int factor) {
  const auto down = [factor](int at) { return at / factor - (at % factor < 0 ? 1 : 0); };
  return {down(window.x1), down(window.y1), down(window.x2 - 1) + 1, down(window.y2 - 1) + 1};
}

void pack_shrunk(const Image &image, const Rect &window, int factor, void *packed) {
  constexpr float largest = 65504.0f;
  const Rect small = shrunk(window, factor);
  const std::size_t across = std::size_t(width(small)) * 4;
  in_parts(height(small), std::size_t(width(window)) * std::size_t(height(window)) * 16, [&](int first, int last) {
    std::vector<unsigned char> scratch;
    std::vector<float> sums(across), counts(across);
    for (int i = first; i < last; ++i) {
      const int row_y = small.y2 - 1 - i;
      std::fill(sums.begin(), sums.end(), 0.0f);
      std::fill(counts.begin(), counts.end(), 0.0f);
      for (int y = std::max(row_y * factor, window.y1); y < std::min((row_y + 1) * factor, window.y2); ++y) {
        const auto *pixels =
            static_cast<const float *>(row(image, {Sample::Float, 4}, window.x1, window.x2, y, &scratch));
        int column = 0, filled = window.x1 - small.x1 * factor;
        for (int x = 0; x < width(window); ++x, pixels += 4) {
          for (std::size_t c = 0; c < 4; ++c) {
            const bool sound = std::isfinite(pixels[c]);
            sums[std::size_t(column) * 4 + c] += sound ? pixels[c] : 0.0f;
            counts[std::size_t(column) * 4 + c] += sound ? 1.0f : 0.0f;
          }
          if (++filled == factor) filled = 0, ++column;
        }
      }
      auto *target = static_cast<uint16_t *>(packed) + std::size_t(i) * across;
      for (std::size_t k = 0; k < across; ++k) {
        const float mean = counts[k] > 0 ? sums[k] / counts[k] : 0.0f;
        target[k] = float_to_half(std::clamp(mean, -largest, largest));
      }
    }
  });
}

bool same_pixels(const Image &a, const Image &b) {
  const Rect &r = a.data_window, &s = b.data_window;
  if (!(a.layout == b.layout) || r.x1 != s.x1 || r.y1 != s.y1 || r.x2 != s.x2 || r.y2 != s.y2) return false;
  for (int y = r.y1; y < r.y2; ++y) {
    if (std::memcmp(a.at(r.x1, y), b.at(r.x1, y), std::size_t(width(r)) * a.layout.pixel_bytes()) != 0) return false;
  }
  return true;
}

const void *row(const Image &image, Layout to, int x1, int x2, int y, std::vector<unsigned char> *scratch) {
  const Rect inside = intersection(image.data_window, {x1, y, x2, y + 1});
  const std::size_t pixel = to.pixel_bytes();
  if (image.layout == to && inside.x1 == x1 && inside.x2 == x2 && !empty(inside)) return image.at(x1, y);
  scratch->assign(std::size_t(x2 - x1) * pixel, 0);
  if (!empty(inside)) {
    convert_row(image.layout, image.at(inside.x1, y), to, scratch->data() + std::size_t(inside.x1 - x1) * pixel,
                std::size_t(width(inside)));
  }
  return scratch->data();
}

void mask_row(const Image &mask, bool invert, int x1, int x2, int y, float *weights) {
  std::fill(weights, weights + (x2 - x1), 0.0f);
  const Rect inside = intersection(mask.data_window, {x1, y, x2, y + 1});
  if (!empty(inside)) {
    convert_row(mask.layout, mask.at(inside.x1, y), {Sample::Float, 1}, weights + (inside.x1 - x1),
                std::size_t(width(inside)));
  }
  if (invert) {
    for (int i = 0; i < x2 - x1; ++i) weights[i] = 1.0f - weights[i];
  }
}

}  // namespace onelight
