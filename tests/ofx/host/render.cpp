// The questions a host asks before a render, and the render itself with everything checked around it.
#include <chrono>
#include <cmath>

#include "host.h"

namespace ofxhost {
namespace {

struct Arguments {
  explicit Arguments(const char *action)
      : in(SetKind::Arguments, std::string("in-arguments of ") + action, "", findAction(action)),
        out(SetKind::Arguments, std::string("out-arguments of ") + action, "", findAction(action), true) {}
  PropertySet in, out;
};

RectD rect(const PropertySet &set, const std::string &name) {
  return {set.number(name, 0), set.number(name, 1), set.number(name, 2), set.number(name, 3)};
}
Values values(const RectD &r) { return {r.x1, r.y1, r.x2, r.y2}; }

void checkRegion(const std::string &what, const RectD &region) {
  if (!(region.x1 <= region.x2 && region.y1 <= region.y2 && std::isfinite(region.x2 - region.x1) &&
        std::isfinite(region.y2 - region.y1)))
    violation(what + " is no finite rectangle");
}

void putRender(PropertySet &in, const RenderRequest &request) {
  in.put("OfxPropTime", {request.time});
  in.putText("OfxImageEffectPropFieldToRender", "OfxFieldNone");
  in.put("OfxImageEffectPropRenderWindow",
         {request.window.x1, request.window.y1, request.window.x2, request.window.y2});
  in.put("OfxImageEffectPropRenderScale", {request.scale_x, request.scale_y});
}

}  // namespace

RectD Effect::regionOfDefinition(double time, double sx, double sy) {
  const char *name = "OfxImageEffectActionGetRegionOfDefinition";
  Arguments arguments(name);
  RectD source = findClip("Source")->regionOfDefinition();
  arguments.in.put("OfxPropTime", {time});
  arguments.in.put("OfxImageEffectPropRenderScale", {sx, sy});
  arguments.out.put("OfxImageEffectPropRegionOfDefinition", values(source));
  Action action;
  action.time = time;
  Status status = call(name, &arguments.in, &arguments.out, action);
  if (status != kOk) return source;
  RectD region = rect(arguments.out, "OfxImageEffectPropRegionOfDefinition");
  ActionScope scope(&action);
  checkRegion("the region of definition", region);
  return region;
}

std::map<std::string, RectD> Effect::regionsOfInterest(double time, double sx, double sy, const RectD &region) {
  const char *name = "OfxImageEffectActionGetRegionsOfInterest";
  Arguments arguments(name);
  arguments.in.put("OfxPropTime", {time});
  arguments.in.put("OfxImageEffectPropRenderScale", {sx, sy});
  arguments.in.put("OfxImageEffectPropRegionOfInterest", values(region));
  const std::string prefix = "OfxImageClipPropRoI_";
  for (const auto &clip : clips_)
    if (clip->name() != "Output") arguments.out.put(prefix + clip->name(), values(region));
  Action action;
  action.time = time;
  call(name, &arguments.in, &arguments.out, action);
  std::map<std::string, RectD> regions;
  ActionScope scope(&action);
  for (const auto &clip : clips_) {
    if (clip->name() == "Output") continue;
    regions[clip->name()] = rect(arguments.out, prefix + clip->name());
    checkRegion("the region of interest in " + clip->name(), regions[clip->name()]);
  }
  return regions;
}

std::map<std::string, std::vector<RangeD>> Effect::framesNeeded(double time) {
  const char *name = "OfxImageEffectActionGetFramesNeeded";
  Arguments arguments(name);
  arguments.in.put("OfxPropTime", {time});
  const std::string prefix = "OfxImageClipPropFrameRange_";
  for (const auto &clip : clips_)
    if (clip->name() != "Output") arguments.out.put(prefix + clip->name(), {time, time});
  Action action;
  action.time = time;
  call(name, &arguments.in, &arguments.out, action);
  std::map<std::string, std::vector<RangeD>> needed;
  ActionScope scope(&action);
  for (const auto &clip : clips_) {
    if (clip->name() == "Output") continue;
    Values all = arguments.out.values(prefix + clip->name());
    if (all.size() % 2) violation("frames needed of " + clip->name() + " are not pairs");
    for (size_t i = 0; i + 1 < all.size(); i += 2) {
      RangeD range{std::get<double>(all[i]), std::get<double>(all[i + 1])};
      if (!(range.min <= range.max)) violation("frames needed of " + clip->name() + " run backwards");
      bool other = range.min != time || range.max != time;
      if (other && !clip->properties.integer("OfxImageEffectPropTemporalClipAccess"))
        violation("needs other frames of " + clip->name() + " without having declared temporal access");
      needed[clip->name()].push_back(range);
    }
  }
  return needed;
}

Preferences Effect::preferences() {
  const char *name = "OfxImageEffectActionGetClipPreferences";
  Arguments arguments(name);
  PropertySet &out = arguments.out;
  Clip *source = findClip("Source");
  const ImageFormat &format = source->setup.format;
  out.put("OfxImageEffectPropFrameRate", {24.0});
  out.putText("OfxImageClipPropFieldOrder", "OfxFieldNone");
  out.putText("OfxImageEffectPropPreMultiplication", format.premultiplication);
  out.put("OfxImageClipPropContinuousSamples", {0});
  out.put("OfxImageEffectFrameVarying", {0});
  for (const auto &clip : clips_) {
    bool known = clip->setup.connected;
    std::string components = known ? clip->setup.format.components : format.components;
    if (!clip->supports(components)) components = clip->properties.text("OfxImageEffectPropSupportedComponents");
    out.putText("OfxImageClipPropComponents_" + clip->name(), components);
    out.putText("OfxImageClipPropDepth_" + clip->name(), known ? clip->setup.format.depth : format.depth);
    out.put("OfxImageClipPropPAR_" + clip->name(), {known ? clip->setup.format.pixel_aspect : format.pixel_aspect});
    out.put("OfxImageClipPropPreferredColourspaces_" + clip->name(), {});
  }
  Action action;
  call(name, nullptr, &out, action);
  ActionScope scope(&action);
  Preferences wanted;
  wanted.premultiplication = out.text("OfxImageEffectPropPreMultiplication");
  wanted.frame_varying = out.integer("OfxImageEffectFrameVarying") != 0;
  const auto &depths = host_.personality.depths;
  for (const auto &clip : clips_) {
    std::string components = out.text("OfxImageClipPropComponents_" + clip->name());
    std::string depth = out.text("OfxImageClipPropDepth_" + clip->name());
    if (!clip->supports(components)) violation("prefers " + components + " of " + clip->name() + ", not declared");
    if (!std::count(depths.begin(), depths.end(), depth)) violation("prefers " + depth + ", which this host lacks");
    wanted.components[clip->name()] = components;
    wanted.depths[clip->name()] = depth;
  }
  return wanted;
}

std::optional<Identity> Effect::identity(const RenderRequest &request) {
  if (!host_.personality.calls_is_identity) return std::nullopt;
  const char *name = "OfxImageEffectActionIsIdentity";
  Arguments arguments(name);
  putRender(arguments.in, request);
  arguments.out.putText("OfxPropName", "");
  arguments.out.put("OfxPropTime", {request.time});
  Action action;
  action.time = request.time;
  Status status = call(name, &arguments.in, &arguments.out, action);
  ActionScope scope(&action);
  std::string clip = arguments.out.text("OfxPropName");
  if (status != kOk) return std::nullopt;
  if (clip.empty() || !findClip(clip)) {
    violation("is identity of no clip that exists: '" + clip + "'");
    return std::nullopt;
  }
  return Identity{clip, arguments.out.number("OfxPropTime")};
}

Status Effect::sequence(const char *name, const RangeD &range, double step, const RenderRequest &request) {
  Arguments arguments(name);
  arguments.in.put("OfxImageEffectPropFrameRange", {range.min, range.max});
  arguments.in.put("OfxImageEffectPropFrameStep", {step});
  arguments.in.put("OfxPropIsInteractive", {request.interactive ? 1 : 0});
  arguments.in.put("OfxImageEffectPropRenderScale", {request.scale_x, request.scale_y});
  arguments.in.put("OfxImageEffectPropSequentialRenderStatus", {request.sequential ? 1 : 0});
  arguments.in.put("OfxImageEffectPropInteractiveRenderStatus", {request.interactive ? 1 : 0});
  Action action;
  return call(name, &arguments.in, nullptr, action);
}

RenderResult Effect::render(const RenderRequest &request) {
  const char *name = "OfxImageEffectActionRender";
  Arguments arguments(name);
  putRender(arguments.in, request);
  arguments.in.put("OfxImageEffectPropSequentialRenderStatus", {request.sequential ? 1 : 0});
  arguments.in.put("OfxImageEffectPropInteractiveRenderStatus", {request.interactive ? 1 : 0});
  arguments.in.put("OfxImageEffectPropRenderQualityDraft", {0});
  arguments.in.putText("OfxImageEffectPropThumbnailRender", "false");
  int margin = host_.personality.output_margin;
  RectI window = request.window;
  Action action;
  action.time = request.time;
  action.scale_x = request.scale_x;
  action.scale_y = request.scale_y;
  action.frames_needed = request.frames_needed;
  action.output = std::make_shared<Image>(
      request.format, RectI{window.x1 - margin, window.y1 - margin, window.x2 + margin, window.y2 + margin},
      host_.personality.guards);
  action.output->fillWithNoise();
  RenderResult result;
  const auto began = std::chrono::steady_clock::now();
  result.status = call(name, &arguments.in, nullptr, action);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  result.output = action.output;
  result.unwritten = action.output->unwritten(window);
  ActionScope scope(&action);
  std::string damage = action.output->damage(&window);
  if (!damage.empty()) violation(damage);
  if (result.status == kOk && result.unwritten)
    violation("answered OK and left " + std::to_string(result.unwritten) + " pixels of the render window unwritten");
  return result;
}

}  // namespace ofxhost
