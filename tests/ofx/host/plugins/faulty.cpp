// Small OpenFX plug-ins, one right and the others each wrong in one way, to show that the host notices.
//
// The identifier says what is wrong: org.onelight.test.<fault>. All share one effect: Output = Source x gain.
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

#include "../abi.h"

using namespace ofxhost;

namespace {

const char *const kFaults[] = {
    "good",
    "outside_window",
    "before_buffer",
    "padding",
    "into_source",
    "leaks_image",
    "double_release",
    "unknown_property",
    "wrong_type",
    "wrong_index",
    "read_only",
    "undefined_value",
    "sets_in_render",
    "edit_not_ended",
    "dead_handle",
    "throws",
    "reply_default",
    "unwritten",
    "writes_prop_in_render",
    "no_range",
    "needs_undeclared",
    "other_frame",
    "leaks_memory",
    "format_arguments",
    "image_in_question",
};
constexpr int kCount = sizeof kFaults / sizeof *kFaults;

const abi::Host *host;
const abi::PropertySuite *props;
const abi::ImageEffectSuite *effects;
const abi::ParameterSuite *params;
const abi::MemorySuite *memory;
const abi::MessageSuiteV2 *messages;

template <class Suite>
void fetch(const Suite *&suite, const char *name, int version) {
  suite = static_cast<const Suite *>(host->fetchSuite(host->host, name, version));
}

void describe(Handle effect, const std::string &fault) {
  Handle set;
  effects->getPropertySet(effect, &set);
  props->setString(set, "OfxPropLabel", 0, "Test");
  props->setString(set, "OfxImageEffectPropSupportedContexts", 0, "OfxImageEffectContextFilter");
  props->setString(set, "OfxImageEffectPropSupportedContexts", 1, "OfxImageEffectContextGeneral");
  const char *depths[] = {"OfxBitDepthFloat", "OfxBitDepthHalf", "OfxBitDepthShort", "OfxBitDepthByte"};
  props->setStringN(set, "OfxImageEffectPropSupportedPixelDepths", 4, depths);
  props->setInt(set, "OfxImageEffectPropSupportsTiles", 0, 0);
  if (fault == "unknown_property") props->setInt(set, "OfxImageEffectPropSupportsTeleport", 0, 1);
  if (fault == "wrong_type") props->setDouble(set, "OfxImageEffectPropSupportsTiles", 0, 1.0);
  if (fault == "wrong_index") props->setInt(set, "OfxImageEffectPropSupportsTiles", 1, 0);
  if (fault == "read_only") props->setString(set, "OfxPropType", 0, "mine");
  if (fault == "undefined_value") props->setString(set, "OfxImageEffectPluginRenderThreadSafety", 0, "quite safe");
}

void describeInContext(Handle effect, const std::string &fault) {
  Handle set, clip;
  for (const char *name : {"Source", "Output"}) {
    effects->clipDefine(effect, name, &clip);
    props->setString(clip, "OfxImageEffectPropSupportedComponents", 0, "OfxImageComponentRGBA");
    props->setString(clip, "OfxImageEffectPropSupportedComponents", 1, "OfxImageComponentRGB");
  }
  effects->getParamSet(effect, &set);
  Handle gain;
  params->define(set, "OfxParamTypeDouble", "gain", &gain);
  props->setDouble(gain, "OfxParamPropDefault", 0, 1.0);
  props->setDouble(gain, "OfxParamPropMin", 0, 0.0);
  props->setDouble(gain, "OfxParamPropMax", 0, 100.0);
  if (fault != "no_range") {
    props->setDouble(gain, "OfxParamPropDisplayMin", 0, 0.0);
    props->setDouble(gain, "OfxParamPropDisplayMax", 0, 4.0);
  }
  params->define(set, "OfxParamTypePushButton", "double it", nullptr);
  Handle choice;
  params->define(set, "OfxParamTypeChoice", "mode", &choice);
  props->setString(choice, "OfxParamPropChoiceOption", 0, "multiply");
  props->setString(choice, "OfxParamPropChoiceOption", 1, "copy");
}

double gainAt(Handle effect, double time) {
  Handle set, gain;
  double value = 1;
  effects->getParamSet(effect, &set);
  params->getHandle(set, "gain", &gain, nullptr);
  params->getValueAtTime(gain, time, &value);
  return value;
}

void setGain(Handle effect, double value) {
  Handle set, gain;
  effects->getParamSet(effect, &set);
  params->getHandle(set, "gain", &gain, nullptr);
  params->setValue(gain, value);
}

struct Pixels {
  char *data;
  int row_bytes, bounds[4], sample, channels;
  char *at(int x, int y) const {
    return data + static_cast<ptrdiff_t>(y - bounds[1]) * row_bytes + (x - bounds[0]) * channels * sample;
  }
};

Pixels pixels(Handle image) {
  Pixels p{};
  void *data = nullptr;
  char *depth = nullptr, *components = nullptr;
  props->getPointer(image, "OfxImagePropData", 0, &data);
  props->getInt(image, "OfxImagePropRowBytes", 0, &p.row_bytes);
  props->getIntN(image, "OfxImagePropBounds", 4, p.bounds);
  props->getString(image, "OfxImageEffectPropPixelDepth", 0, &depth);
  props->getString(image, "OfxImageEffectPropComponents", 0, &components);
  p.data = static_cast<char *>(data);
  p.sample = !std::strcmp(depth, "OfxBitDepthFloat") ? 4 : !std::strcmp(depth, "OfxBitDepthByte") ? 1 : 2;
  p.channels = !std::strcmp(components, "OfxImageComponentRGBA") ? 4 : 3;
  return p;
}

void renderPixels(const Pixels &from, const Pixels &to, const int *w, double gain, const std::string &fault) {
  for (int y = w[1]; y < w[3]; ++y)
    for (int x = w[0]; x < w[2]; ++x) {
      if (fault == "unwritten" && y == w[1]) continue;
      const char *s = from.at(x, y);
      char *d = to.at(x, y);
      std::memcpy(d, s, static_cast<size_t>(from.channels * from.sample));
      if (from.sample != 4) continue;
      float rgb[3];
      std::memcpy(rgb, s, sizeof rgb);
      for (float &value : rgb) value = static_cast<float>(value * gain);
      std::memcpy(d, rgb, sizeof rgb);
    }
  if (fault == "outside_window") *to.at(w[0] - 1, w[1]) ^= 1;
  if (fault == "before_buffer") {
    char *first = to.row_bytes > 0 ? to.data : to.at(to.bounds[0], to.bounds[3] - 1);
    first[-40] ^= 1;
  }
  if (fault == "padding") *(to.at(to.bounds[2] - 1, w[1]) + to.channels * to.sample) ^= 1;
  if (fault == "into_source") *from.at(w[0], w[1]) ^= 1;
}

Status render(Handle effect, Handle in, const std::string &fault) {
  double time = 0;
  int window[4];
  props->getDouble(in, "OfxPropTime", 0, &time);
  props->getIntN(in, "OfxImageEffectPropRenderWindow", 4, window);
  Handle source, output, from = nullptr, to = nullptr;
  effects->clipGetHandle(effect, "Source", &source, nullptr);
  effects->clipGetHandle(effect, "Output", &output, nullptr);
  double wanted = fault == "other_frame" ? time - 1 : time;
  if (effects->clipGetImage(source, wanted, nullptr, &from) != kOk) return kFailed;
  effects->clipGetImage(output, time, nullptr, &to);
  renderPixels(pixels(from), pixels(to), window, gainAt(effect, time), fault);
  if (fault == "sets_in_render") setGain(effect, 2);
  if (fault == "writes_prop_in_render") {
    Handle set;
    effects->getPropertySet(effect, &set);
    props->setPointer(set, "OfxPropInstanceData", 0, nullptr);
  }
  if (fault == "format_arguments" && messages->setPersistent)
    messages->setPersistent(effect, "OfxMessageError", "", "%d frames at 100%%", 42);
  if (fault != "leaks_image") effects->clipReleaseImage(from);
  if (fault == "double_release") effects->clipReleaseImage(from);
  if (fault == "dead_handle") {
    int row_bytes;
    props->getInt(from, "OfxImagePropRowBytes", 0, &row_bytes);
  }
  effects->clipReleaseImage(to);
  return kOk;
}

void changed(Handle effect, Handle in, const std::string &fault) {
  char *name = nullptr;
  double time = 0;
  props->getString(in, "OfxPropName", 0, &name);
  props->getDouble(in, "OfxPropTime", 0, &time);
  if (std::strcmp(name, "double it")) return;
  Handle set;
  effects->getParamSet(effect, &set);
  params->editBegin(set, "double it");
  setGain(effect, 2 * gainAt(effect, time));
  if (fault != "edit_not_ended") params->editEnd(set);
}

void framesNeeded(Handle in, Handle out) {
  double time = 0;
  props->getDouble(in, "OfxPropTime", 0, &time);
  double frames[] = {time - 1, time + 1};
  props->setDoubleN(out, "OfxImageClipPropFrameRange_Source", 2, frames);
}

Status act(const std::string &action, Handle effect, Handle in, Handle out, const std::string &fault) {
  if (action == "OfxActionLoad") {
    fetch(props, "OfxPropertySuite", 1);
    fetch(effects, "OfxImageEffectSuite", 1);
    fetch(params, "OfxParameterSuite", 1);
    fetch(memory, "OfxMemorySuite", 1);
    fetch(messages, "OfxMessageSuite", 2);
    return kOk;
  }
  if (action == "OfxActionDescribe") return describe(effect, fault), kOk;
  if (action == "OfxImageEffectActionDescribeInContext") return describeInContext(effect, fault), kOk;
  if (action == "OfxActionCreateInstance") {
    void *block;
    if (fault == "leaks_memory") memory->alloc(effect, 100, &block);
    return fault == "reply_default" ? kReplyDefault : kOk;
  }
  if (action == "OfxActionDestroyInstance") return kOk;
  if (action == "OfxActionInstanceChanged") return changed(effect, in, fault), kOk;
  if (action == "OfxImageEffectActionGetFramesNeeded" && fault == "needs_undeclared") return framesNeeded(in, out), kOk;
  if (action == "OfxImageEffectActionIsIdentity" && fault == "image_in_question") {
    Handle clip, image;
    effects->clipGetHandle(effect, "Output", &clip, nullptr);
    effects->clipGetImage(clip, 0, nullptr, &image);
  }
  if (action == "OfxImageEffectActionRender") {
    if (fault == "throws") throw std::runtime_error("thrown on purpose");
    return render(effect, in, fault);
  }
  return kReplyDefault;
}

template <int N>
Status entry(const char *action, const void *handle, Handle in, Handle out) {
  return act(action, const_cast<void *>(handle), in, out, kFaults[N]);
}

std::string identifiers[kCount];
abi::Plugin plugins[kCount];

template <int N>
void fill() {
  identifiers[N] = std::string("org.onelight.test.") + kFaults[N];
  plugins[N] = {"OfxImageEffectPluginAPI", 1, identifiers[N].c_str(), 1, 0, [](abi::Host *h) { host = h; }, entry<N>};
  if constexpr (N + 1 < kCount) fill<N + 1>();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int OfxGetNumberOfPlugins() { return kCount; }
extern "C" __attribute__((visibility("default"))) void *OfxGetPlugin(int index) {
  if (!plugins[0].mainEntry) fill<0>();
  return index >= 0 && index < kCount ? &plugins[index] : nullptr;
}
