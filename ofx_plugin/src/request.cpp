// What a node sends with a frame: knobs, where the pixels lie, the clips.
#include <cmath>
#include <cstdio>

#include "node.h"

namespace onelight {
namespace {

std::string joined(const Rect &r) {
  return std::to_string(r.x1) + "," + std::to_string(r.y1) + "," + std::to_string(r.x2) + "," + std::to_string(r.y2);
}

// Not std::to_string, which follows the host's locale and rounds to six places.
std::string joined(double x, double y) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g;%.17g", x, y);
  std::string list = text;
  for (char &c : list) c = c == ',' ? '.' : c == ';' ? ',' : c;
  return list;
}

// OpenFX names of display-encoded clips, as the tool's menu names the curve they were encoded with.
const struct {
  const char *host, *ours;
} display_spaces[] = {{"srgb_display", "srgb"}, {"rec1886_rec709_display", "rec1886"}};

// Names that say how pixels are encoded without saying in which primaries, or that they are no colours at all.
bool says_nothing(const std::string &space) {
  return space.empty() || space.compare(0, 4, "ofx_") == 0 || space == "Raw" || space == "data";
}

}  // namespace

// The colour space to send; empty where it is not known, and then `missing` is what to tell the artist.
std::string Node::input_space(ofx::Time time, std::string *missing) const {
  const std::string chosen = params_.text("colourspace", time);
  if (chosen == "unset") {
    *missing = "Choose the input colour space";
    return "";
  }
  if (chosen == "named") {
    const std::string name = params_.text("colourspace_name", time);
    if (name.empty()) *missing = "Give the Space name, or choose another Input space";
    return name;
  }
  if (chosen != "host") return chosen;
  const std::string space = clip(ofx::ImageEffectSimpleSourceClipName).colourspace();
  for (const auto &known : display_spaces) {
    if (space == known.host) return known.ours;
  }
  if (!says_nothing(space)) return space;
  *missing = space.empty() ? "This host does not say which colour space the Source is in: choose the Input space"
                           : "This host only says '" + space + "' of the Source: choose the Input space";
  return "";
}

Request Node::request(ofx::Time time, const Image &source, Scale scale) const {
  Request request;
  request.server = params_.text("server", time);
  request.show = params_.text("show", time);
  request.tool = tool_.id;
  request.version = params_.text("version", time);
  request.deadline_seconds = params_.number("timeout", time);
  auto &parameters = request.parameters = wire_knobs(tool_, params_.at(time), scale.x);
  parameters["frame.time"] = time;
  parameters["frame.window"] = joined(source.region);
  parameters["frame.scale"] = joined(scale.x, scale.y);
  parameters["frame.par"] = source.aspect;
  parameters["frame.premult"] = params_.text("premult", time);
  parameters["frame.option"] = int64_t(params_.number("option", time));
  double offset[2] = {0, 0}, size[2];
  if (properties_.numbers(ofx::ImageEffectPropProjectSize, 2, size)) {  // MLT has no project
    properties_.numbers(ofx::ImageEffectPropProjectOffset, 2, offset);
    const double x = scale.x / source.aspect, y = scale.y;
    const Rect format{int(std::lround(offset[0] * x)), int(std::lround(offset[1] * y)),
                      int(std::lround((offset[0] + size[0]) * x)), int(std::lround((offset[1] + size[1]) * y))};
    if (!empty(format)) parameters["frame.format"] = joined(format);
  }
  add(ofx::ImageEffectSimpleSourceClipName, 0, source, source.region, &request);
  return request;
}

void Node::add(const std::string &clip, int offset, const Image &image, const Rect &window, Request *request) {
  Tensor tensor;
  tensor.name = at_offset(clip, offset);
  tensor.width = width(window);
  tensor.height = height(window);
  tensor.half = image.layout.travels_as_half();
  const bool half = tensor.half;
  tensor.write = [image, window, half](void *packed) { pack(image, window, half, packed); };
  request->inputs.push_back(std::move(tensor));
}

std::vector<Picture> Node::gather(ofx::Time time, int offset, const Rect &window, Request *request) const {
  std::vector<Picture> held;
  for (const table::Clip &described : tool_.clips) {
    const Clip &from = clip(described.name);
    if (described.mask || !from.connected()) continue;  // masks are applied here and never travel
    const bool source = from.name() == ofx::ImageEffectSimpleSourceClipName;
    const int reach = offset == 0 ? neighbours(described, time) : 0;
    const ofx::RangeD frames = from.frames();
    for (int near = -reach; near <= reach; ++near) {
      const ofx::Time at = time + offset + near;
      if ((source && offset + near == 0) || (near != 0 && (at < frames.min || at > frames.max))) continue;
      std::optional<Picture> picture = from.fetch(at);
      if (!picture || (suites_.always_connected && described.optional && is_black(picture->image()))) continue;
      add(described.name, offset + near, picture->image(), window, request);
      held.push_back(std::move(*picture));
    }
  }
  return held;
}

}  // namespace onelight
