// IEEE binary16 to float and back, rounding to nearest even, exact for every value and without help from the CPU.
#pragma once

#include <cstdint>
#include <cstring>

namespace onelight {

inline float half_to_float(uint16_t h) {
  const uint32_t sign = uint32_t(h & 0x8000u) << 16;
  const uint32_t shifted = uint32_t(h & 0x7fffu) << 13;
  uint32_t bits;
  if (shifted >= 0x0f800000u) {  // inf and NaN
    bits = shifted | 0x7f800000u;
  } else if (shifted < 0x00800000u) {  // zero and denormals: let the FPU normalise
    const float value = float(h & 0x7fffu) * 5.9604644775390625e-08f;
    std::memcpy(&bits, &value, 4);
  } else {
    bits = shifted + 0x38000000u;
  }
  bits |= sign;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

inline uint16_t float_to_half(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint16_t sign = uint16_t((bits >> 16) & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) return uint16_t(sign | 0x7e00u | ((bits >> 13) & 0x1ffu));  // NaN, its payload's top kept
  if (bits >= 0x47800000u) return uint16_t(sign | 0x7c00u);                           // 65536 and more, and inf
  if (bits < 0x38800000u) {  // below the smallest normal half: adding 0.5 rounds at the half's last place
    float magnitude;
    std::memcpy(&magnitude, &bits, 4);
    magnitude += 0.5f;
    std::memcpy(&bits, &magnitude, 4);
    return uint16_t(sign | (bits - 0x3f000000u));
  }
  bits +=
      0xfffu + ((bits >> 13) & 1u);  // round to nearest even; a carry runs into the exponent, and to inf, as it should
  return uint16_t(sign | ((bits - 0x38000000u) >> 13));
}

}  // namespace onelight
