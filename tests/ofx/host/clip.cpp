// Clips: what they say of themselves and the image they give for a time.
#include <cmath>

#include "host.h"

namespace ofxhost {

Clip::Clip(Effect *effect, const std::string &name)
    : properties(SetKind::Clip, "clip " + name), effect_(effect), name_(name) {
  handle_ = enroll(Kind::Clip, this);
  properties.putText("OfxPropName", name);
  for (const char *label : {"OfxPropLabel", "OfxPropShortLabel", "OfxPropLongLabel"}) properties.putText(label, name);
}

Clip::~Clip() { retire(handle_); }

bool Clip::supports(const std::string &components) const {
  auto supported = properties.texts("OfxImageEffectPropSupportedComponents");
  return std::count(supported.begin(), supported.end(), components) != 0;
}

void Clip::connect(const ClipSetup &wanted) {
  setup = wanted;
  const Personality &host = effect_->host().personality;
  bool connected = setup.connected || (host.always_connected && name_ != "Output");
  bool known = setup.connected;
  properties.put("OfxImageClipPropConnected", {connected ? 1 : 0});
  properties.putText("OfxImageEffectPropPixelDepth", known ? setup.format.depth : "OfxBitDepthNone");
  properties.putText("OfxImageEffectPropComponents", known ? setup.format.components : "OfxImageComponentNone");
  properties.putText("OfxImageClipPropUnmappedPixelDepth", known ? setup.format.depth : "OfxBitDepthNone");
  properties.putText("OfxImageClipPropUnmappedComponents", known ? setup.format.components : "OfxImageComponentNone");
  properties.putText("OfxImageEffectPropPreMultiplication", setup.format.premultiplication);
  properties.put("OfxImagePropPixelAspectRatio", {setup.format.pixel_aspect});
  properties.put("OfxImageEffectPropFrameRate", {24.0});
  properties.put("OfxImageEffectPropFrameRange", {setup.frames.min, setup.frames.max});
  properties.put("OfxImageEffectPropUnmappedFrameRange", {setup.frames.min, setup.frames.max});
  properties.put("OfxImageEffectPropUnmappedFrameRate", {24.0});
  properties.putText("OfxImageClipPropFieldOrder", "OfxFieldNone");
  properties.put("OfxImageClipPropContinuousSamples", {0});
  if (!host.colour_management.empty() && !setup.colourspace.empty())
    properties.putText("OfxImageClipPropColourspace", setup.colourspace);
}

RectD Clip::regionOfDefinition() const {
  double aspect = setup.format.pixel_aspect;
  return {setup.bounds.x1 * aspect, double(setup.bounds.y1), setup.bounds.x2 * aspect, double(setup.bounds.y2)};
}

RectI pixels(const RectD &canonical, double sx, double sy, double aspect) {
  constexpr double kSlack = 1e-6;  // 0.1 * 10 must not become eleven pixels
  return {static_cast<int>(std::floor(canonical.x1 * sx / aspect + kSlack)),
          static_cast<int>(std::floor(canonical.y1 * sy + kSlack)),
          static_cast<int>(std::ceil(canonical.x2 * sx / aspect - kSlack)),
          static_cast<int>(std::ceil(canonical.y2 * sy - kSlack))};
}

std::shared_ptr<Image> Clip::image(const Action &action, double time) const {
  const Personality &host = effect_->host().personality;
  if (setup.connected) {
    double frame = host.ignores_clip_time ? action.time : time;
    return setup.provider ? setup.provider(frame, action.scale_x, action.scale_y) : nullptr;
  }
  if (!host.always_connected || host.unconnected == "null") return nullptr;
  Clip *source = effect_->findClip("Source");
  ImageFormat format = source->setup.format;
  if (!supports(format.components)) format.components = "OfxImageComponentAlpha";
  auto black = std::make_shared<Image>(
      format, pixels(source->regionOfDefinition(), action.scale_x, action.scale_y, format.pixel_aspect), host.guards);
  for (int y = black->bounds.y1; y < black->bounds.y2; ++y) std::fill_n(black->line(y), black->lineBytes(), 0);
  black->seal();
  return black;
}

}  // namespace ofxhost
