// A described effect or an instance of it: its life, its messages, and the answers it gives to the questions of a host.
#include "host.h"

#include <cmath>
#include <stdexcept>

namespace ofxhost {

Effect::Effect(Host &host, abi::Plugin *plugin, const std::string &context)
    : properties(SetKind::Effect, "effect descriptor"),
      params(this, false),
      host_(host),
      plugin_(plugin),
      context_(context),
      instance_(false) {
  handle_ = enroll(Kind::Effect, this);
  properties.putText("OfxPluginPropFilePath", plugin->pluginIdentifier);
}

Effect::Effect(Host &host, const Effect &described, const std::string &context)
    : properties(SetKind::Instance, "effect instance"),
      params(this, true),
      host_(host),
      plugin_(described.plugin()),
      context_(context),
      instance_(true) {
  handle_ = enroll(Kind::Effect, this);
  const Personality &p = host.personality;
  properties.putText("OfxImageEffectPropContext", context);
  properties.put("OfxImageEffectPropPluginHandle", {static_cast<void *>(described.handle())});
  properties.put("OfxPropInstanceData", {static_cast<void *>(nullptr)});
  properties.put("OfxPropIsInteractive", {p.is_background ? 0 : 1});
  if (p.has_project) {
    properties.put("OfxImageEffectPropProjectSize", {1920.0, 1080.0});
    properties.put("OfxImageEffectPropProjectOffset", {0.0, 0.0});
    properties.put("OfxImageEffectPropProjectExtent", {1920.0, 1080.0});
    properties.put("OfxImageEffectPropPixelAspectRatio", {1.0});
    properties.put("OfxImageEffectInstancePropEffectDuration", {100.0});
    properties.put("OfxImageEffectPropFrameRate", {24.0});
  }
  if (!p.colour_management.empty()) {
    properties.putText("OfxImageEffectPropColourManagementStyle", p.colour_management);
    properties.putText("OfxImageEffectPropColourManagementConfig", "ofx-native-v1.5_aces-v1.3_ocio-v2.3");
  }
  for (const auto &clip : described.clips()) {
    clips_.push_back(std::make_unique<Clip>(this, clip->name()));
    clips_.back()->properties.copyFrom(clip->properties);
    clips_.back()->properties.becomeInstance();
    clips_.back()->connect({});
  }
  params.instantiate(described.params);
}

Effect::~Effect() {
  if (created_) destroy();
  retire(handle_);
}

Clip *Effect::findClip(const std::string &name) const {
  for (const auto &clip : clips_)
    if (clip->name() == name) return clip.get();
  return nullptr;
}

Clip *Effect::defineClip(const std::string &name) {
  if (instance_ || context_.empty() || findClip(name)) {
    violation("clipDefine of " + name + (findClip(name) ? ": defined twice" : ": only in DescribeInContext"));
    return nullptr;
  }
  clips_.push_back(std::make_unique<Clip>(this, name));
  return clips_.back().get();
}

void Effect::checkDescribed() const {
  for (const char *name : {"Source", "Output"})
    if (!findClip(name)) violation(std::string("clip ") + name + " is not defined");
  for (const auto &clip : clips_)
    if (!clip->properties.has("OfxImageEffectPropSupportedComponents"))
      violation("clip " + clip->name() + " supports no components");
  for (const char *list : {"OfxImageEffectPropSupportedPixelDepths", "OfxImageEffectPropSupportedContexts"})
    if (!properties.has(list)) violation(std::string("declared no ") + list);
  if (properties.text("OfxPropLabel").empty()) violation("the effect has no label");
  params.checkDescribed();
}

Status Effect::call(const char *name, PropertySet *in, PropertySet *out, Action &action) {
  action.effect = this;
  // Natron tells of an edit while the edit block is still open: only the outermost action has to close it.
  bool nested = currentAction() && currentAction()->effect == this;
  Status status = host_.call(plugin_, name, handle_, in, out, action);
  if (!nested && params.end()) host_.report.add(std::string(name) + ": paramEditBegin without paramEditEnd");
  return status;
}

void Effect::create() {
  Action action;
  Status status = call("OfxActionCreateInstance", nullptr, nullptr, action);
  if (status != kOk && status != kReplyDefault)
    throw std::runtime_error(std::string(plugin_->pluginIdentifier) + " refused OfxActionCreateInstance (status " +
                             std::to_string(status) + ")");
  created_ = true;
}

void Effect::destroy() {
  if (!created_) return;
  created_ = false;
  Action action;
  call("OfxActionDestroyInstance", nullptr, nullptr, action);
  if (memory_blocks) host_.report.add("OfxActionDestroyInstance: image memory was never freed");
}

void Effect::changed(const std::string &type, const std::string &name, const std::string &reason, double time) {
  if (!host_.personality.calls_instance_changed) return;
  auto arguments = [&](const char *action_name) {
    return std::make_unique<PropertySet>(SetKind::Arguments, std::string("in-arguments of ") + action_name, "",
                                         findAction(action_name));
  };
  auto bracket = [&](const char *action_name) {
    auto in = arguments(action_name);
    in->putText("OfxPropChangeReason", reason);
    Action action;
    action.time = time;
    call(action_name, in.get(), nullptr, action);
  };
  if (++edit_depth_ > 8) {
    host_.report.add("OfxActionInstanceChanged: answers its own edits with new edits without end");
    --edit_depth_;
    return;
  }
  bracket("OfxActionBeginInstanceChanged");
  auto in = arguments("OfxActionInstanceChanged");
  in->putText("OfxPropType", type);
  in->putText("OfxPropName", name);
  in->putText("OfxPropChangeReason", reason);
  in->put("OfxPropTime", {time});
  in->put("OfxImageEffectPropRenderScale", {1.0, 1.0});
  Action action;
  action.time = time;
  call("OfxActionInstanceChanged", in.get(), nullptr, action);
  if (edit_depth_ == 1 || !host_.personality.nested_instance_changed) deliverEdits(time);
  bracket("OfxActionEndInstanceChanged");
  --edit_depth_;
}

void Effect::paramEdited(Param &param) {
  params.edited(param);
  if (host_.personality.nested_instance_changed) deliverEdits(timeline);
}

void Effect::deliverEdits(double time) {
  for (const std::string &name : params.takeEdited()) changed("OfxTypeParameter", name, "OfxChangePluginEdited", time);
}

Status Effect::purge() {
  Action action;
  return call("OfxActionPurgeCaches", nullptr, nullptr, action);
}

void Effect::say(const Message &message) {
  std::lock_guard<std::mutex> lock(mutex_);
  messages_.push_back(message);
}

void Effect::setPersistent(const std::optional<Message> &message) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (message) messages_.push_back(*message);
  persistent_ = host_.personality.shows_persistent ? message : std::nullopt;
}

std::vector<Message> Effect::messages() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return messages_;
}

std::optional<Message> Effect::persistent() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return persistent_;
}

}  // namespace ofxhost
