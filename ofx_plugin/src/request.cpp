// What a node sends with a frame: knobs, where the pixels lie, the clips.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

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

Request Node::request(ofx::Time time, const Image &source, Scale scale, int factor) const {
  Request request;
  request.server = params_.text("server", time);
  request.show = params_.text("show", time);
  request.tool = tool_.id;
  request.version = params_.text("version", time);
  const std::string digest = params_.text("digest", time);
  request.deadline_seconds = params_.number("timeout", time);
  auto &parameters = request.parameters = wire_knobs(tool_, params_.at(time), scale.x / factor);
  // An open Version is whatever the server has; an exact one of a show has to be the very model this script was made
  // with. The built-in models are those of the release that is installed.
  if (request.show != "base" && !request.version.empty() && !digest.empty()) parameters["frame.digest"] = digest;
  parameters["frame.time"] = time;
  parameters["frame.window"] = joined(shrunk(source.region, factor));
  parameters["frame.scale"] = joined(scale.x / factor, scale.y / factor);
  parameters["frame.par"] = source.aspect;
  parameters["frame.premult"] = params_.text("premult", time);
  parameters["frame.option"] = int64_t(params_.number("option", time));
  double offset[2] = {0, 0}, size[2];
  if (properties_.numbers(ofx::ImageEffectPropProjectSize, 2, size)) {  // MLT has no project
    properties_.numbers(ofx::ImageEffectPropProjectOffset, 2, offset);
    const double x = scale.x / source.aspect, y = scale.y;
    const Rect format{int(std::lround(offset[0] * x)), int(std::lround(offset[1] * y)),
                      int(std::lround((offset[0] + size[0]) * x)), int(std::lround((offset[1] + size[1]) * y))};
    if (!empty(format)) parameters["frame.format"] = joined(shrunk(format, factor));
  }
  add(tool_.clips[0], 0, source, source.region, factor, &request);  // every tool's first clip is its Source
  return request;
}

void Node::add(const table::Clip &clip, int offset, const Image &image, const Rect &window, int factor,
               Request *request) {
  Tensor tensor;
  tensor.name = at_offset(clip.name, offset);
  tensor.kept = *clip.around != 0;
  if (factor > 1) {
    const Rect small = shrunk(window, factor);
    tensor.width = width(small);
    tensor.height = height(small);
    tensor.half = true;
    const std::size_t bytes = std::size_t(tensor.width) * std::size_t(tensor.height) * 8;
    const auto pixels = std::make_shared<std::vector<unsigned char>>(bytes);
    pack_shrunk(image, window, factor, pixels->data());
    tensor.write = [pixels](void *packed) { std::memcpy(packed, pixels->data(), pixels->size()); };
  } else {
    tensor.width = width(window);
    tensor.height = height(window);
    tensor.half = image.layout.travels_as_half();
    const bool half = tensor.half;
    tensor.write = [image, window, half](void *packed) { pack(image, window, half, packed); };
  }
  request->inputs.push_back(std::move(tensor));
}

std::optional<Picture> Node::fetch(const table::Clip &described, ofx::Time time) const {
  std::optional<Picture> picture = clip(described.name).fetch(time);
  if (picture && described.sparse && is_empty(picture->image())) return std::nullopt;
  if (picture && suites_.always_connected && described.optional && is_black(picture->image())) return std::nullopt;
  return picture;
}

std::vector<Picture> Node::gather(ofx::Time time, const Rect &window, Request *request) const {
  std::vector<Picture> held;
  for (const table::Clip &described : tool_.clips) {
    if (described.mask || !clip(described.name).connected()) continue;  // masks are applied here and never travel
    const bool source = std::string_view(described.name) == ofx::ImageEffectSimpleSourceClipName;
    for (const int offset : neighbours(described, time)) {
      if (source && offset == 0) continue;  // the plate, which is there already
      std::optional<Picture> picture = fetch(described, time + offset);
      if (!picture) continue;
      add(described, offset, picture->image(), window, 1, request);
      held.push_back(std::move(*picture));
    }
  }
  return held;
}

}  // namespace onelight
