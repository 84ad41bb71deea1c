// Loading a bundle and describing its effects in the order, and with the suites, of the host that is being played.
#include "host.h"

#include <dlfcn.h>

#include <stdexcept>

namespace ofxhost {
namespace {

const char *statusName(Status status) {
  static const char *const names[] = {"OK",          "Failed",    "ErrFatal",  "ErrUnknown", "ErrMissingHostFeature",
                                      "Unsupported", "ErrExists", "ErrFormat", "ErrMemory",  "ErrBadHandle",
                                      "ErrBadIndex", "ErrValue",  "ReplyYes",  "ReplyNo",    "ReplyDefault"};
  return status >= 0 && status <= kReplyDefault ? names[status] : "a status that does not exist";
}

// Hosts that drop a plug-in for ReplyDefault from these were seen; the API asks for OK.
bool mustBeOk(const std::string &action) {
  return action == "OfxActionLoad" || action == "OfxActionCreateInstance" || action == "OfxActionDestroyInstance";
}

void fillHostProperties(PropertySet &set, const Personality &p) {
  set.put("OfxPropAPIVersion", {1, 5});
  set.putText("OfxPropName", p.host_name);
  set.putText("OfxPropLabel", p.label);
  set.put("OfxPropVersion", {1, 0, 0});
  set.putText("OfxPropVersionLabel", "1.0");
  set.put("OfxImageEffectHostPropIsBackground", {p.is_background ? 1 : 0});
  set.putTexts("OfxImageEffectPropSupportedComponents", p.components);
  set.putTexts("OfxImageEffectPropSupportedPixelDepths", p.depths);
  set.putTexts("OfxImageEffectPropSupportedContexts", p.contexts);
  if (!p.colour_management.empty()) {
    set.putText("OfxImageEffectPropColourManagementStyle", p.colour_management);
    set.putTexts("OfxImageEffectPropColourManagementAvailableConfigs", {"ofx-native-v1.5_aces-v1.3_ocio-v2.3"});
  }
}

std::mutex hosts_mutex;
std::map<Handle, Host *> hosts;

}  // namespace

Host::Host(const Personality &p, const std::string &binary)
    : personality(p), properties(SetKind::Host, "host"), binary_(binary) {
  fillHostProperties(properties, p);
  library_ = dlopen(binary.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!library_) throw std::runtime_error(std::string("cannot load the plug-in: ") + dlerror());
  auto count = reinterpret_cast<int (*)()>(dlsym(library_, "OfxGetNumberOfPlugins"));
  auto get = reinterpret_cast<abi::Plugin *(*)(int)>(dlsym(library_, "OfxGetPlugin"));
  if (!count || !get) throw std::runtime_error(binary + " exports no OfxGetNumberOfPlugins and OfxGetPlugin");
  {
    std::lock_guard<std::mutex> lock(hosts_mutex);
    hosts[properties.handle()] = this;
  }
  abi_ = {properties.handle(), fetchSuite};
  if (p.calls_set_host) set_host_ = reinterpret_cast<Status (*)(const abi::Host *)>(dlsym(library_, "OfxSetHost"));
  Action action;
  action.host = this;
  action.name = "OfxSetHost";
  ActionScope scope(&action);
  if (set_host_ && set_host_(&abi_) != kOk) throw std::runtime_error(binary + " refused this host in OfxSetHost");
  for (int i = 0; i < count(); ++i) {
    abi::Plugin *plugin = get(i);
    if (!plugin || !plugin->mainEntry || !plugin->setHost || !plugin->pluginIdentifier)
      report.add("OfxGetPlugin: plug-in " + std::to_string(i) + " is not filled in");
    else if (std::string(plugin->pluginApi) == "OfxImageEffectPluginAPI" && plugin->apiVersion == 1)
      plugins_.push_back(plugin);
  }
}

Host::~Host() {
  unload();
  std::lock_guard<std::mutex> lock(hosts_mutex);
  hosts.erase(properties.handle());
}

void Host::unload() {
  if (!library_) return;
  for (abi::Plugin *plugin : loaded_) simple(plugin, "OfxActionUnload");
  if (leakedMemory(properties.handle())) report.add("OfxActionUnload: blocks of the memory suite were never freed");
  loaded_.clear();
  dlclose(library_);
  library_ = nullptr;
}

std::vector<std::string> Host::plugins() const {
  std::vector<std::string> names;
  for (auto *plugin : plugins_) names.emplace_back(plugin->pluginIdentifier);
  return names;
}

std::vector<std::string> Host::violations() const {
  auto all = report.sentences();
  for (auto &sentence : strayReport().sentences()) all.push_back(sentence);
  return all;
}

abi::Plugin *Host::find(const std::string &identifier) const {
  for (auto *plugin : plugins_)
    if (identifier == plugin->pluginIdentifier) return plugin;
  throw std::invalid_argument(binary_ + " has no plug-in " + identifier);
}

Status Host::call(abi::Plugin *plugin, const char *name, Handle handle, PropertySet *in, PropertySet *out,
                  Action &action) {
  action.host = this;
  action.name = name;
  ActionScope scope(&action);
  Status status = kFailed;
  try {
    status = plugin->mainEntry(name, handle, in ? in->handle() : nullptr, out ? out->handle() : nullptr);
  } catch (...) {  // MLT is written in C: anything that leaves the entry point ends the process
    violation("let an exception out of the entry point");
  }
  if (mustBeOk(name) && status != kOk) violation(std::string("answered ") + statusName(status) + ", not OK");
  if (status < kOk || status > kReplyDefault) violation("answered " + std::to_string(status));
  std::lock_guard<std::mutex> lock(action.mutex);
  for (OpenImage *image : action.images) violation("did not release an image of clip " + image->clip->name());
  for (OpenImage *image : action.images) image->properties->image.reset();
  return status;
}

Status Host::simple(abi::Plugin *plugin, const char *name, Effect *effect, PropertySet *in) {
  Action action;
  action.effect = effect;
  return call(plugin, name, effect ? effect->handle() : nullptr, in, nullptr, action);
}

std::shared_ptr<Effect> Host::describe(const std::string &identifier) {
  abi::Plugin *plugin = find(identifier);
  bool twice = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    bool first = hosted_.insert(plugin).second;
    twice = personality.describes_twice && first;
    if (first) plugin->setHost(&abi_);
  }
  auto load = [&](Effect &into) {
    std::string refused = identifier + " refused ";
    if (simple(plugin, "OfxActionLoad") != kOk) throw std::runtime_error(refused + "OfxActionLoad");
    {
      std::lock_guard<std::mutex> lock(mutex_);
      loaded_.insert(plugin);
    }
    Status status = simple(plugin, "OfxActionDescribe", &into);
    if (status != kOk && status != kReplyDefault) throw std::runtime_error(refused + "OfxActionDescribe");
  };
  if (twice) {
    Effect first(*this, plugin, "");
    load(first);
    simple(plugin, "OfxActionUnload");
  }
  auto described = std::make_shared<Effect>(*this, plugin, "");
  load(*described);
  auto contexts = described->properties.texts("OfxImageEffectPropSupportedContexts");
  std::string context;
  for (const std::string &wanted : personality.contexts)
    if (context.empty() && std::count(contexts.begin(), contexts.end(), wanted)) context = wanted;
  if (context.empty()) throw std::runtime_error(identifier + " supports none of the contexts of " + personality.label);
  auto in_context = std::make_shared<Effect>(*this, plugin, context);
  in_context->properties.copyFrom(described->properties);
  PropertySet in(SetKind::Arguments, "in-arguments of DescribeInContext", "",
                 findAction("OfxImageEffectActionDescribeInContext"));
  in.putText("OfxImageEffectPropContext", context);
  Status status = simple(plugin, "OfxImageEffectActionDescribeInContext", in_context.get(), &in);
  if (status != kOk) throw std::runtime_error(identifier + " refused OfxImageEffectActionDescribeInContext");
  Action action;
  action.host = this;
  action.name = "OfxImageEffectActionDescribeInContext";
  ActionScope scope(&action);
  in_context->checkDescribed();
  return in_context;
}

std::shared_ptr<Effect> Host::create(const Effect &described) {
  auto effect = std::make_shared<Effect>(*this, described, described.context());
  effect->create();
  return effect;
}

const void *fetchSuite(Handle handle, const char *name, int version) {
  Host *host = nullptr;
  {
    std::lock_guard<std::mutex> lock(hosts_mutex);
    auto it = hosts.find(handle);
    if (it != hosts.end()) host = it->second;
  }
  if (!host || !name) {
    violation("fetchSuite without this host's handle or without a name");
    return nullptr;
  }
  std::string suite = name;
  if (suite == "OfxPropertySuite" && version == 1) return propertySuite();
  if (suite == "OfxImageEffectSuite" && version == 1) return imageEffectSuite();
  if (suite == "OfxParameterSuite" && version == 1) return parameterSuite();
  if (suite == "OfxMemorySuite" && version == 1) return memorySuite();
  if (suite == "OfxMultiThreadSuite" && version == 1) return multiThreadSuite();
  if (suite == "OfxMessageSuite") return messageSuite(host->personality, version);
  if (suite == "OfxProgressSuite") return progressSuite(version);
  if (suite == "OfxTimeLineSuite" && version == 1) return timeLineSuite();
  return nullptr;
}

}  // namespace ofxhost
