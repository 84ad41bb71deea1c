#include "clip.h"

#include <cmath>

namespace onelight {
namespace {

ofx::Clip handle_of(const Suites &suites, ofx::Effect effect, const std::string &name, ofx::PropertySet *properties) {
  ofx::Clip handle = nullptr;
  const ofx::Status status = suites.effects->clipGetHandle(effect, name.c_str(), &handle, properties);
  if (status != ofx::StatOK || !handle) throw Refused(status, "The host has no clip " + name);
  return handle;
}

ofx::PropertySet properties_of(const Suites &suites, ofx::Effect effect, const std::string &name) {
  ofx::PropertySet properties = nullptr;
  handle_of(suites, effect, name, &properties);
  return properties;
}

constexpr int largest = 1 << 17;  // pixels on a side; no plate is that wide, and widths below stay clear of overflow

bool too_large(const Rect &r) { return int64_t(r.x2) - r.x1 > largest || int64_t(r.y2) - r.y1 > largest; }

Layout layout_of(const Properties &image, const std::string &clip) {
  const std::string depth = image.text(ofx::ImageEffectPropPixelDepth);
  const std::string components = image.text(ofx::ImageEffectPropComponents);
  Layout layout;
  if (depth == ofx::BitDepthFloat) {
    layout.sample = Sample::Float;
  } else if (depth == ofx::BitDepthHalf) {
    layout.sample = Sample::Half;
  } else if (depth == ofx::BitDepthShort) {
    layout.sample = Sample::Short;
  } else if (depth == ofx::BitDepthByte) {
    layout.sample = Sample::Byte;
  } else {
    throw std::runtime_error("The " + clip + " comes as " + depth + "; expected byte, short, half or float pixels");
  }
  if (components == ofx::ImageComponentRGBA) {
    layout.channels = 4;
  } else if (components == ofx::ImageComponentRGB) {
    layout.channels = 3;
  } else if (components == ofx::ImageComponentAlpha) {
    layout.channels = 1;
  } else {
    throw std::runtime_error("The " + clip + " comes as " + components + "; expected RGBA, RGB or Alpha");
  }
  return layout;
}

}  // namespace

Clip::Clip(const Suites &suites, ofx::Effect effect, const std::string &name)
    : suites_(suites),
      name_(name),
      handle_(handle_of(suites, effect, name, nullptr)),
      properties_(suites, properties_of(suites, effect, name)) {}

bool Clip::connected() const { return properties_.integer(ofx::ImageClipPropConnected) != 0; }

ofx::RangeD Clip::frames() const {
  double range[2] = {0, 0};
  properties_.numbers(ofx::ImageEffectPropFrameRange, 2, range);
  return {range[0], range[1]};
}

bool Clip::region_of_definition(ofx::Time time, ofx::RectD *region) const {
  return suites_.effects->clipGetRegionOfDefinition(handle_, time, region) == ofx::StatOK;
}

std::optional<Picture> Clip::fetch(ofx::Time time) const {
  ofx::PropertySet handle = nullptr;
  if (suites_.effects->clipGetImage(handle_, time, nullptr, &handle) != ofx::StatOK || !handle) return std::nullopt;
  const Properties properties(suites_, handle);
  Picture picture(suites_, handle);  // releases the image whatever follows
  Image image;
  image.data = properties.pointer(ofx::ImagePropData);
  if (!image.data || !properties.rect(ofx::ImagePropBounds, &image.bounds)) return std::nullopt;
  image.layout = layout_of(properties, name_);
  image.aspect = properties.number(ofx::ImagePropPixelAspectRatio, 1.0);
  if (!(image.aspect > 0)) image.aspect = 1;
  const int packed = width(image.bounds) * int(image.layout.pixel_bytes());
  image.row_bytes = properties.integer(ofx::ImagePropRowBytes, packed);
  image.region = image.bounds;
  properties.rect(ofx::ImagePropRegionOfDefinition, &image.region);
  // MLT leaves the region empty, a Constant has an endless one: both mean what they give.
  if (empty(image.region) || too_large(image.region)) image.region = image.bounds;
  image.data_window = intersection(image.bounds, image.region);
  picture.set(image);
  return picture;
}

}  // namespace onelight
