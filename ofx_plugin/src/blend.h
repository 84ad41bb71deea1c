// Mask, mix and alpha: the one place where a result is laid over the plate, against the caller's own pixels.
#pragma once

#include <cstddef>
#include <optional>

namespace onelight {

// How one sample is stored in a host's image. Half is IEEE binary16, Byte and Short are 0..255 and 0..65535 for 0..1.
enum class Sample { Byte, Short, Half, Float };

struct Blend {
  Sample sample = Sample::Float;
  int channels = 4;                // 4 RGBA, 3 RGB or 1 alpha; nothing else is an OpenFX component layout
  float mix = 1.0f;                // 0..1
  bool alpha_from_result = false;  // else channel 4 is the plate's, bit for bit
  // Of a pass that is no picture: what its colours are where nothing is done. It then stands in the plate's place,
  // which is not read, and alpha is the result's. Integer samples clamp it.
  std::optional<float> neutral{};
};

// Lays `result` over `plate` for one row of packed pixels, all three in `how.sample` with `how.channels` channels.
// The weight of a pixel is mask * mix, clamped to 0..1 (a NaN counts as 0); `mask` is one float a pixel, or null for 1.
// Weight 0 keeps the plate's bits and weight 1 the result's, whatever they are (NaN and inf included); anything between
// is computed in float. `out` may be `plate` or `result` itself.
void blend_row(const Blend &how, const void *plate, const void *result, const float *mask, void *out,
               std::size_t pixels);

}  // namespace onelight
