// The library's entry points, and the one place where an action is sent on its way and an exception ends.
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "describe.h"
#include "node.h"
#include "tools.gen.h"

namespace onelight {
namespace {

constexpr std::size_t tool_count = std::size(table::tools);

// One slot a tool, so that no plug-in has to be "the current one". A host may set itself and load from several threads
// at once (MLT does): whichever comes last wins, and they are all the same.
struct Slot {
  std::atomic<const ofx::Host *> host{nullptr};
  std::atomic<const Suites *> suites{nullptr};
};
std::array<Slot, tool_count> slots;

const Suites &suites_for(Slot &slot) {
  if (const Suites *suites = slot.suites.load()) return *suites;
  const ofx::Host *host = slot.host.load();
  if (!host) throw Refused(ofx::StatErrMissingHostFeature, "The host never called setHost");
  const Suites &suites = suites_of(*host);
  slot.suites.store(&suites);
  return suites;
}

Properties instance_data(const Suites &suites, ofx::Effect effect) {
  ofx::PropertySet properties = nullptr;
  if (suites.effects->getPropertySet(effect, &properties) != ofx::StatOK) {
    throw Refused(ofx::StatErrBadHandle, "The host gives no properties for this node");
  }
  return Properties(suites, properties);
}

Node &node_of(const Suites &suites, ofx::Effect effect) {
  auto *node = static_cast<Node *>(instance_data(suites, effect).pointer(ofx::PropInstanceData));
  if (!node) throw Refused(ofx::StatErrBadHandle, "The host lost this node's instance data");
  return *node;
}

ofx::Status create(const Suites &suites, const table::Tool &tool, ofx::Effect effect) {
  instance_data(suites, effect).set(ofx::PropInstanceData, static_cast<void *>(new Node(suites, tool, effect)));
  return ofx::StatOK;
}

ofx::Status destroy(const Suites &suites, ofx::Effect effect) {
  const Properties properties = instance_data(suites, effect);
  delete static_cast<Node *>(properties.pointer(ofx::PropInstanceData));
  properties.set(ofx::PropInstanceData, static_cast<void *>(nullptr));
  return ofx::StatOK;
}

ofx::Status dispatch(Slot &slot, const table::Tool &tool, const std::string &action, const void *handle,
                     ofx::PropertySet in_arguments, ofx::PropertySet out_arguments) {
  if (action == ofx::ActionLoad) {
    slot.suites.store(nullptr);  // another host may have come since
    suites_for(slot);
    return ofx::StatOK;  // exactly OK: MLT and Resolve drop a plug-in for anything else, here and for create, destroy
  }
  if (action == ofx::ActionUnload || action == ofx::ActionPurgeCaches) return ofx::StatOK;
  const Suites &suites = suites_for(slot);
  const auto effect = static_cast<ofx::Effect>(const_cast<void *>(handle));
  const Properties in(suites, in_arguments), out(suites, out_arguments);
  if (action == ofx::ActionDescribe) return describe(suites, tool, effect);
  if (action == ofx::ImageEffectActionDescribeInContext) return describe_in_context(suites, tool, effect);
  if (action == ofx::ActionCreateInstance) return create(suites, tool, effect);
  if (action == ofx::ActionDestroyInstance) return destroy(suites, effect);
  const auto node = [&]() -> Node & { return node_of(suites, effect); };
  if (action == ofx::ImageEffectActionRender) return node().render(in);
  if (action == ofx::ImageEffectActionIsIdentity) return node().is_identity(in, out);
  if (action == ofx::ImageEffectActionGetRegionOfDefinition) return node().region_of_definition(in, out);
  if (action == ofx::ImageEffectActionGetRegionsOfInterest) return node().regions_of_interest(in, out);
  if (action == ofx::ImageEffectActionGetFramesNeeded) return node().frames_needed(in, out);
  if (action == ofx::ImageEffectActionGetClipPreferences) return node().clip_preferences(out);
  if (action == ofx::ImageEffectActionGetOutputColourspace) return node().output_colourspace(out);
  if (action == ofx::ImageEffectActionBeginSequenceRender) return node().begin_sequence(in);
  if (action == ofx::ImageEffectActionEndSequenceRender) return node().end_sequence(in);
  if (action == ofx::ActionInstanceChanged) return node().changed(in);
  return ofx::StatReplyDefault;
}

template <std::size_t tool>
void set_host(ofx::Host *host) {
  slots[tool].host.store(host);
  slots[tool].suites.store(nullptr);
}

template <std::size_t tool>
ofx::Status entry(const char *action, const void *handle, ofx::PropertySet in, ofx::PropertySet out) {
  try {
    return action ? dispatch(slots[tool], table::tools[tool], action, handle, in, out) : ofx::StatErrValue;
  } catch (const Refused &refused) {
    std::fprintf(stderr, "%s: %s\n", table::tools[tool].label, refused.what());
    return refused.status == ofx::StatOK ? ofx::StatFailed : refused.status;
  } catch (const std::bad_alloc &) {
    return ofx::StatErrMemory;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s: %s\n", table::tools[tool].label, error.what());
    return ofx::StatFailed;
  } catch (...) {  // the host may be C: nothing at all may pass
    return ofx::StatFailed;
  }
}

template <std::size_t... tool>
std::array<ofx::Plugin, tool_count> make_plugins(std::index_sequence<tool...>) {
  return {ofx::Plugin{ofx::ImageEffectPluginApi, 1, table::tools[tool].identifier, 1,
                      unsigned(table::tools[tool].version), &set_host<tool>, &entry<tool>}...};
}

// Tools that are not shipped exist for tests: no artist should meet them in a menu.
bool offered(const table::Tool &tool) {
  const char *probe = std::getenv("ONELIGHT_PROBE");
  return tool.shipped || (probe && std::strcmp(probe, "1") == 0);
}

struct Offer {
  std::array<ofx::Plugin, tool_count> plugins = make_plugins(std::make_index_sequence<tool_count>());
  std::array<std::size_t, tool_count> index{};
  int count = 0;

  Offer() {
    for (std::size_t tool = 0; tool < tool_count; ++tool) {
      if (offered(table::tools[tool])) index[std::size_t(count++)] = tool;
    }
  }
};

// Made on the first call, not when the library is loaded: a host that only looks at the file runs none of our code.
// Trivial to destroy, so that a host may still call in while the process ends.
Offer &offer() {
  static Offer made;
  return made;
}

}  // namespace
}  // namespace onelight

#define ONELIGHT_EXPORT extern "C" __attribute__((visibility("default")))

ONELIGHT_EXPORT int OfxGetNumberOfPlugins() { return onelight::offer().count; }

ONELIGHT_EXPORT ofx::Plugin *OfxGetPlugin(int nth) {
  auto &offer = onelight::offer();
  return nth < 0 || nth >= offer.count ? nullptr : &offer.plugins[offer.index[std::size_t(nth)]];
}

ONELIGHT_EXPORT ofx::Status OfxSetHost(const ofx::Host *host) {
  if (!host) return ofx::StatFailed;
  for (auto &slot : onelight::slots) {
    slot.host.store(host);
    slot.suites.store(nullptr);
  }
  return ofx::StatOK;
}
