#include "around.h"

#include <algorithm>

namespace onelight {
namespace {

constexpr char octaves[] = "octaves";  // 1, 2, 4, 8, 16 ... frames away; whatever else a spacing says is every frame

int whole(const KnobValue &value) {
  const auto *number = std::get_if<int64_t>(&value);
  return number ? int(std::clamp<int64_t>(*number, 0, 1 << 16)) : 0;
}

}  // namespace

std::vector<int> offsets_needed(const table::Clip &clip, const Reader &read) {
  std::vector<int> offsets{0};
  if (!*clip.around) return offsets;
  const int reach = whole(read(clip.around));
  const bool doubling = *clip.spacing && read(clip.spacing) == KnobValue(std::string(octaves));
  for (int distance = 1; distance <= reach; distance = doubling ? distance * 2 : distance + 1) {
    offsets.push_back(distance);
    offsets.push_back(-distance);
  }
  std::sort(offsets.begin(), offsets.end());
  return offsets;
}

std::vector<int> offsets_within(const std::vector<int> &offsets, double time, double first, double last) {
  std::vector<int> within;
  std::copy_if(offsets.begin(), offsets.end(), std::back_inserter(within),
               [&](int offset) { return offset == 0 || (time + offset >= first && time + offset <= last); });
  return within;
}

std::vector<std::pair<double, double>> stretches(const std::vector<int> &offsets, double time) {
  std::vector<std::pair<double, double>> found;
  for (const int offset : offsets) {
    const double at = time + offset;
    if (found.empty() || found.back().second + 1 < at) {
      found.emplace_back(at, at);
    } else {
      found.back().second = at;
    }
  }
  return found;
}

}  // namespace onelight
