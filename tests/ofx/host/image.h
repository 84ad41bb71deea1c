// Pixels as a host keeps them: any depth, components, row order, padding and bounds, between guard bytes.
#pragma once
#include <memory>
#include <string>

#include "abi.h"
#include "properties.h"

namespace ofxhost {

class Clip;

struct ImageFormat {
  std::string depth = "OfxBitDepthFloat";
  std::string components = "OfxImageComponentRGBA";
  std::string premultiplication = "OfxImageAlphaPremultiplied";
  double pixel_aspect = 1;
  int row_padding = 0;         // bytes
  bool negative_rows = false;  // line y1 is the last one in memory
  bool misaligned = false;     // starts one sample past an aligned address

  int channels() const;
  int sampleBytes() const;
};

class Image {
 public:
  Image(const ImageFormat &format, const RectI &bounds, bool guarded);
  ~Image();
  Image(const Image &) = delete;
  Image &operator=(const Image &) = delete;

  const ImageFormat format;
  const RectI bounds;
  int width() const { return bounds.x2 - bounds.x1; }
  int height() const { return bounds.y2 - bounds.y1; }
  size_t lineBytes() const;          // of pixels, without padding
  ptrdiff_t rowBytes() const;        // signed, as the plug-in sees it
  unsigned char *line(int y) const;  // y in the image's own bounds, y up
  unsigned char *data() const { return line(bounds.y1); }

  void seal();                                      // an input: remember its bytes
  void fillWithNoise();                             // an output: what uninitialised memory may hold
  std::string damage(const RectI *writable) const;  // empty, or what was touched that must not be
  long unwritten(const RectI &window) const;        // pixels of the window that still hold the noise

 private:
  size_t bodyBytes() const;
  unsigned char *body() const { return store_ + kGuard + (format.misaligned ? format.sampleBytes() : 0); }
  static constexpr size_t kGuard = 4096;

  bool guarded_;
  size_t size_;
  unsigned char *store_;
  unsigned long long seal_ = 0;
  bool sealed_ = false;
  bool noisy_ = false;
};

// An image in a plug-in's hands; its handle is its property set's.
struct OpenImage {
  std::shared_ptr<Image> image;
  Clip *clip = nullptr;
  Action *action = nullptr;
  bool output = false;
  std::string identifier;  // not kept for the life of the process: there is one for every image
  std::unique_ptr<PropertySet> properties;
};

}  // namespace ofxhost
