// OfxImageEffectSuiteV1: handles, clips, images and abort.
#include <cstdlib>

#include "host.h"

namespace ofxhost {

Effect *effectOf(Handle handle, const char *where) {
  return static_cast<Effect *>(resolve(Kind::Effect, handle, where));
}

namespace {

Clip *clipOf(Handle handle, const char *where) { return static_cast<Clip *>(resolve(Kind::Clip, handle, where)); }

struct Block {
  void *data;
  int locks;
  Effect *effect;
};

Status getPropertySet(Handle handle, Handle *props) {
  Effect *effect = effectOf(handle, "getPropertySet");
  if (!effect) return kErrBadHandle;
  *props = effect->properties.handle();
  return kOk;
}

Status getParamSet(Handle handle, Handle *params) {
  Effect *effect = effectOf(handle, "getParamSet");
  if (!effect) return kErrBadHandle;
  *params = effect->params.handle();
  return kOk;
}

Status clipDefine(Handle handle, const char *name, Handle *props) {
  Effect *effect = effectOf(handle, "clipDefine");
  if (!effect) return kErrBadHandle;
  Clip *clip = effect->defineClip(name ? name : "");
  if (!clip) return kErrExists;
  if (props) *props = clip->properties.handle();
  return kOk;
}

Status clipGetHandle(Handle handle, const char *name, Handle *found, Handle *props) {
  Effect *effect = effectOf(handle, "clipGetHandle");
  if (!effect) return kErrBadHandle;
  Clip *clip = effect->isInstance() ? effect->findClip(name ? name : "") : nullptr;
  if (!clip) {
    violation(std::string("clipGetHandle of ") + (name ? name : "(null)") +
              (effect->isInstance() ? ", which is not defined" : " on a descriptor"));
    return kErrBadHandle;
  }
  if (found) *found = clip->handle();
  if (props) *props = clip->properties.handle();
  return kOk;
}

Status clipGetPropertySet(Handle handle, Handle *props) {
  Clip *clip = clipOf(handle, "clipGetPropertySet");
  if (!clip) return kErrBadHandle;
  *props = clip->properties.handle();
  return kOk;
}

bool mayFetch(const Action &action) {
  std::string name = action.name;
  return name == "OfxImageEffectActionRender" || name == "OfxActionInstanceChanged" ||
         name == "OfxActionEndInstanceChanged";
}

void checkTime(const Clip &clip, const Action &action, double time) {
  if (std::string(action.name) != "OfxImageEffectActionRender" || clip.name() == "Output") return;
  if (time != action.time && !clip.properties.integer("OfxImageEffectPropTemporalClipAccess"))
    violation("fetched another frame of " + clip.name() + " without having declared temporal access");
  if (action.frames_needed.empty()) return;
  auto needed = action.frames_needed.find(clip.name());
  bool declared = false;
  if (needed != action.frames_needed.end())
    for (const RangeD &range : needed->second) declared |= time >= range.min && time <= range.max;
  if (!declared)
    violation("fetched a frame of " + clip.name() + " that it did not name in GetFramesNeeded: " +
              std::to_string(time - action.time) + " from the current one");
}

void describeImage(OpenImage &open, const Clip &clip, const Action &action, double time) {
  const Image &image = *open.image;
  const Personality &host = action.host->personality;
  PropertySet &set = *open.properties;
  set.putText("OfxImageEffectPropPixelDepth", image.format.depth);
  set.putText("OfxImageEffectPropComponents", image.format.components);
  set.putText("OfxImageEffectPropPreMultiplication", image.format.premultiplication);
  double sx = action.scale_x, sy = action.scale_y;
  if (host.image_scale == "one") sx = sy = 1;
  if (host.image_scale == "inverted") sx = 1 / sx, sy = 1 / sy;
  set.put("OfxImageEffectPropRenderScale", {sx, sy});
  set.put("OfxImagePropPixelAspectRatio", {image.format.pixel_aspect});
  set.put("OfxImagePropData", {static_cast<void *>(image.data())});
  set.put("OfxImagePropBounds", {image.bounds.x1, image.bounds.y1, image.bounds.x2, image.bounds.y2});
  RectI region = image.bounds;
  if (clip.name() != "Output" && clip.setup.connected)
    region = pixels(clip.regionOfDefinition(), action.scale_x, action.scale_y, image.format.pixel_aspect);
  set.put("OfxImagePropRegionOfDefinition", {region.x1, region.y1, region.x2, region.y2});
  set.put("OfxImagePropRowBytes", {static_cast<int>(image.rowBytes())});
  open.identifier = clip.name() + "@" + std::to_string(time);
  set.put("OfxImagePropUniqueIdentifier", {open.identifier.c_str()});
}

Status clipGetImage(Handle handle, double time, const RectD *, Handle *result) {
  Clip *clip = clipOf(handle, "clipGetImage");
  Action *action = currentAction();
  if (!result) violation("clipGetImage into a null pointer");
  if (!clip || !result) return kErrBadHandle;
  *result = nullptr;
  if (!action || !mayFetch(*action)) {
    violation("fetched an image of " + clip->name() + " in an action that may fetch none");
    return kFailed;
  }
  checkTime(*clip, *action, time);
  const Personality &host = action->host->personality;
  if (host.null_image_on_abort && clip->effect()->aborted) return kFailed;
  bool output = clip->name() == "Output";
  std::shared_ptr<Image> image = output ? action->output : clip->image(*action, time);
  if (!image) return kFailed;
  auto open = std::make_shared<OpenImage>();
  open->image = image;
  open->clip = clip;
  open->action = action;
  open->output = output;
  open->properties = std::make_unique<PropertySet>(SetKind::Image, "image of " + clip->name());
  describeImage(*open, *clip, *action, time);
  open->properties->image = open;
  *result = open->properties->handle();
  std::lock_guard<std::mutex> lock(action->mutex);
  action->images.insert(open.get());
  return kOk;
}

Status clipReleaseImage(Handle handle) {
  PropertySet *set = properties(handle, "clipReleaseImage");
  std::shared_ptr<OpenImage> open = set ? set->image : nullptr;
  if (!open) {
    if (set) violation("clipReleaseImage was given a property set that is no image");
    return kErrBadHandle;
  }
  if (!open->output) {
    std::string damage = open->image->damage(nullptr);
    if (!damage.empty()) violation(damage + " (clip " + open->clip->name() + ")");
  }
  {
    std::lock_guard<std::mutex> lock(open->action->mutex);
    open->action->images.erase(open.get());
  }
  set->image.reset();
  return kOk;
}

Status clipGetRegionOfDefinition(Handle handle, double, RectD *bounds) {
  Clip *clip = clipOf(handle, "clipGetRegionOfDefinition");
  if (!clip || !bounds) return kErrBadHandle;
  if (!clip->setup.connected) return kFailed;
  *bounds = clip->regionOfDefinition();
  return kOk;
}

int abortNow(Handle handle) {
  Effect *effect = effectOf(handle, "abort");
  if (!effect) return 0;
  ++effect->abort_polls;
  return effect->aborted && !effect->host().personality.deaf_abort ? 1 : 0;
}

Status memoryAlloc(Handle handle, size_t bytes, Handle *memory) {
  Effect *effect = handle ? effectOf(handle, "imageMemoryAlloc") : nullptr;
  if (handle && !effect) return kErrBadHandle;
  auto *block = new Block{std::malloc(bytes), 0, effect};
  if (effect) ++effect->memory_blocks;
  *memory = enroll(Kind::Memory, block);
  return kOk;
}

Status memoryFree(Handle handle) {
  auto *block = static_cast<Block *>(resolve(Kind::Memory, handle, "imageMemoryFree"));
  if (!block) return kErrBadHandle;
  retire(handle);
  if (block->locks) violation("freed image memory that is locked");
  if (block->effect) --block->effect->memory_blocks;
  std::free(block->data);
  delete block;
  return kOk;
}

Status memoryLock(Handle handle, void **data) {
  auto *block = static_cast<Block *>(resolve(Kind::Memory, handle, "imageMemoryLock"));
  if (!block) return kErrBadHandle;
  ++block->locks;
  *data = block->data;
  return kOk;
}

Status memoryUnlock(Handle handle) {
  auto *block = static_cast<Block *>(resolve(Kind::Memory, handle, "imageMemoryUnlock"));
  if (!block) return kErrBadHandle;
  if (--block->locks < 0) violation("unlocked image memory that is not locked");
  return kOk;
}

const abi::ImageEffectSuite kSuite = {
    getPropertySet,     getParamSet,  clipDefine,       clipGetHandle,
    clipGetPropertySet, clipGetImage, clipReleaseImage, clipGetRegionOfDefinition,
    abortNow,           memoryAlloc,  memoryFree,       memoryLock,
    memoryUnlock,
};

}  // namespace

const void *imageEffectSuite() { return &kSuite; }

}  // namespace ofxhost
