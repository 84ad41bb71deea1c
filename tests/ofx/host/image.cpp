// Guarded image buffers: written before, checked after, so that a stray write is found and named.
#include "image.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace ofxhost {
namespace {

constexpr unsigned char kGuardByte = 0xA5;

// A different byte everywhere, so that neither a constant fill nor a shifted copy can look like "not written".
unsigned long long noise(size_t word) {
  unsigned long long x = (word + 1) * 0x9E3779B97F4A7C15ULL;
  x ^= x >> 29;
  x *= 0xBF58476D1CE4E5B9ULL;
  return x ^ (x >> 32);
}

unsigned char noiseByte(size_t at) { return static_cast<unsigned char>(noise(at / 8) >> (at % 8 * 8)); }

unsigned long long digest(const unsigned char *bytes, size_t count) {
  unsigned long long lanes[4] = {1, 2, 3, 4};
  size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    unsigned long long words[4];
    std::memcpy(words, bytes + i, 32);
    for (int k = 0; k < 4; ++k) lanes[k] = (lanes[k] ^ words[k]) * 0x100000001B3ULL;
  }
  for (; i < count; ++i) lanes[0] = (lanes[0] ^ bytes[i]) * 0x100000001B3ULL;
  return lanes[0] ^ (lanes[1] << 1) ^ (lanes[2] << 2) ^ (lanes[3] << 3);
}

}  // namespace

int ImageFormat::channels() const {
  return components == "OfxImageComponentRGBA" ? 4 : components == "OfxImageComponentRGB" ? 3 : 1;
}

int ImageFormat::sampleBytes() const { return depth == "OfxBitDepthFloat" ? 4 : depth == "OfxBitDepthByte" ? 1 : 2; }

Image::Image(const ImageFormat &f, const RectI &b, bool guarded) : format(f), bounds(b), guarded_(guarded) {
  size_ = bodyBytes() + 2 * kGuard + 64;
  store_ = static_cast<unsigned char *>(std::aligned_alloc(64, (size_ + 63) / 64 * 64));
  if (!store_) throw std::bad_alloc();
  if (!guarded_) return;
  std::memset(store_, kGuardByte, static_cast<size_t>(body() - store_));
  std::memset(body() + bodyBytes(), kGuardByte, static_cast<size_t>(store_ + size_ - body()) - bodyBytes());
  if (format.row_padding > 0)
    for (int y = bounds.y1; y < bounds.y2; ++y)
      std::memset(line(y) + lineBytes(), kGuardByte, static_cast<size_t>(format.row_padding));
}

Image::~Image() { std::free(store_); }

size_t Image::lineBytes() const {
  return static_cast<size_t>(width()) * static_cast<size_t>(format.channels() * format.sampleBytes());
}
ptrdiff_t Image::rowBytes() const {
  auto step = static_cast<ptrdiff_t>(lineBytes()) + format.row_padding;
  return format.negative_rows ? -step : step;
}
size_t Image::bodyBytes() const {
  return static_cast<size_t>(height()) * (lineBytes() + static_cast<size_t>(format.row_padding));
}
unsigned char *Image::line(int y) const {
  size_t step = lineBytes() + static_cast<size_t>(format.row_padding);
  int row = format.negative_rows ? bounds.y2 - 1 - y : y - bounds.y1;
  return body() + static_cast<size_t>(row) * step;
}

void Image::seal() {
  if (!guarded_) return;
  seal_ = digest(body(), bodyBytes());
  sealed_ = true;
}

void Image::fillWithNoise() {
  if (!guarded_) return;
  noisy_ = true;
  for (int y = bounds.y1; y < bounds.y2; ++y) {
    unsigned char *to = line(y);
    size_t start = static_cast<size_t>(to - body()), count = lineBytes(), i = 0;
    for (; i < count && (start + i) % 8; ++i) to[i] = noiseByte(start + i);
    for (; i + 8 <= count; i += 8) {
      unsigned long long word = noise((start + i) / 8);
      std::memcpy(to + i, &word, 8);
    }
    for (; i < count; ++i) to[i] = noiseByte(start + i);
  }
}

std::string Image::damage(const RectI *writable) const {
  if (!guarded_) return "";
  for (unsigned char *at = store_; at < body(); ++at)
    if (*at != kGuardByte) return "wrote before the first byte of an image";
  for (unsigned char *at = body() + bodyBytes(); at < store_ + size_; ++at)
    if (*at != kGuardByte) return "wrote past the last byte of an image";
  for (int y = bounds.y1; y < bounds.y2; ++y)
    for (int i = 0; i < format.row_padding; ++i)
      if (line(y)[lineBytes() + static_cast<size_t>(i)] != kGuardByte) return "wrote into the padding between lines";
  if (sealed_ && digest(body(), bodyBytes()) != seal_) return "wrote into an input image";
  if (!noisy_ || !writable) return "";
  size_t pixel = static_cast<size_t>(format.channels() * format.sampleBytes());
  for (int y = bounds.y1; y < bounds.y2; ++y) {
    bool inside = y >= writable->y1 && y < writable->y2;
    size_t from = inside ? static_cast<size_t>(writable->x1 - bounds.x1) * pixel : lineBytes();
    size_t to = inside ? static_cast<size_t>(writable->x2 - bounds.x1) * pixel : lineBytes();
    size_t start = static_cast<size_t>(line(y) - body());
    for (size_t i = 0; i < lineBytes(); ++i) {
      if (i == from) i = to;
      if (i < lineBytes() && line(y)[i] != noiseByte(start + i)) return "wrote outside the render window";
    }
  }
  return "";
}

long Image::unwritten(const RectI &window) const {
  if (!guarded_ || !noisy_) return 0;
  size_t pixel = static_cast<size_t>(format.channels() * format.sampleBytes());
  if (pixel < 3) return 0;  // one or two bytes are equal by chance too often
  long count = 0;
  for (int y = window.y1; y < window.y2; ++y)
    for (int x = window.x1; x < window.x2; ++x) {
      const unsigned char *at = line(y) + static_cast<size_t>(x - bounds.x1) * pixel;
      size_t start = static_cast<size_t>(at - body()), same = 0;
      while (same < pixel && at[same] == noiseByte(start + same)) ++same;
      if (same == pixel) ++count;
    }
  return count;
}

}  // namespace ofxhost
