// Pixels between a host's images and the packed, top-row-first RGBA that travels: the one home of rows, bounds, depths
// and components.
//
// Byte and half images travel as FP16, short and float as FP32, which hold each of their values exactly enough to come
// back as they went. RGB gains an alpha of 1. A single channel (an Alpha clip: a matte, a depth) is put into all four,
// so that it is found whether a reader looks at alpha or at red. Integers are 0..1 and are rounded to nearest and
// clamped on the way back, floats never are.
#pragma once

#include <cstddef>
#include <vector>

#include "blend.h"
#include "client.h"

namespace onelight {

inline int width(const Rect &r) { return r.x2 - r.x1; }
inline int height(const Rect &r) { return r.y2 - r.y1; }
inline bool empty(const Rect &r) { return r.x2 <= r.x1 || r.y2 <= r.y1; }
Rect intersection(const Rect &a, const Rect &b);  // {0, 0, 0, 0} where they do not meet

// How a host stores pixels.
struct Layout {
  Sample sample = Sample::Float;
  int channels = 4;  // 4 RGBA, 3 RGB, 1 alpha

  std::size_t pixel_bytes() const;
  bool travels_as_half() const { return sample == Sample::Byte || sample == Sample::Half; }
  friend bool operator==(Layout a, Layout b) { return a.sample == b.sample && a.channels == b.channels; }
};

// A host's image, y up. `row_bytes` may be negative (MLT): `data` is then the last line in memory, and line y1 still.
struct Image {
  Layout layout;
  void *data = nullptr;
  std::ptrdiff_t row_bytes = 0;
  Rect bounds{0, 0, 0, 0};       // the pixels that are there
  Rect region{0, 0, 0, 0};       // the clip's region of definition at this scale
  Rect data_window{0, 0, 0, 0};  // what there is of the region: bounds within it
  double aspect = 1;

  void *at(int x, int y) const;  // inside `bounds`
};

// One row of pixels from one layout to another.
void convert_row(Layout from, const void *source, Layout to, void *target, std::size_t pixels);

// Fills `packed` with `window` of `image`, zeros where the image has no data.
void pack(const Image &image, const Rect &window, bool half, void *packed);

// Whether the image holds nothing but zeros in its colour channels: what some hosts give for an unconnected clip.
bool is_black(const Image &image);

// Whether no channel of any pixel is anything but 0: a matte with nothing drawn.
bool is_empty(const Image &image);

// The window in pixels that are `factor` pixels wide and high, anchored to the origin; parts of pixels count.
Rect shrunk(const Rect &window, int factor);

// Fills `packed` with the halves of shrunk(window, factor): means over what of the window each pixel covers, held
// within the range of a half. Sound pixels only count; one that covers none is 0.
void pack_shrunk(const Image &image, const Rect &window, int factor, void *packed);

// Whether two images hold the same pixels, bit for bit, at the same place.
bool same_pixels(const Image &a, const Image &b);

// Pixels x1..x2 of line y in the layout `to`, zeros where the image has no data. Returns a pointer into the image where
// nothing has to be done, else into `scratch`.
const void *row(const Image &image, Layout to, int x1, int x2, int y, std::vector<unsigned char> *scratch);

// The weights x1..x2 of line y: the mask's alpha, or its only channel, or of RGB the red one. Outside the mask is 0.
void mask_row(const Image &mask, bool invert, int x1, int x2, int y, float *weights);

}  // namespace onelight
