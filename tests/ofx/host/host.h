// The host: a loaded bundle, its described effects, their instances and clips, and the actions called on them.
#pragma once
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "abi.h"
#include "image.h"
#include "params.h"
#include "personality.h"
#include "properties.h"
#include "report.h"

namespace ofxhost {

struct ClipSetup {
  bool connected = false;
  ImageFormat format;
  RectI bounds{0, 0, 0, 0};  // data window in pixels at scale 1
  RangeD frames{1, 1};
  std::string colourspace;
  std::function<std::shared_ptr<Image>(double time, double scale_x, double scale_y)> provider;
};

class Clip {
 public:
  Clip(Effect *effect, const std::string &name);
  ~Clip();
  Handle handle() const { return handle_; }
  const std::string &name() const { return name_; }
  Effect *effect() const { return effect_; }
  void connect(const ClipSetup &setup);
  bool optional() const { return properties.integer("OfxImageClipPropOptional") != 0; }
  bool supports(const std::string &components) const;
  RectD regionOfDefinition() const;  // canonical coordinates
  std::shared_ptr<Image> image(const Action &action, double time) const;

  PropertySet properties;
  ClipSetup setup;

 private:
  Effect *effect_;
  std::string name_;
  Handle handle_;
};

struct Message {
  std::string kind;  // message or persistent
  std::string type;  // OfxMessageError...
  std::string text;
};

struct RenderRequest {
  double time = 0;
  RectI window{0, 0, 0, 0};
  double scale_x = 1, scale_y = 1;
  bool interactive = false;
  bool sequential = false;
  ImageFormat format;
  std::map<std::string, std::vector<RangeD>> frames_needed;
};
struct RenderResult {
  Status status = kFailed;
  std::shared_ptr<Image> output;
  long unwritten = 0;
  double seconds = 0;  // what the action took, images that the plug-in fetched included
};
struct Identity {
  std::string clip;
  double time;
};
struct Preferences {
  std::map<std::string, std::string> components, depths;
  std::string premultiplication;
  bool frame_varying = false;
};

// A description (then only described into) or an instance.
class Effect {
 public:
  Effect(Host &host, abi::Plugin *plugin, const std::string &context);      // to describe into
  Effect(Host &host, const Effect &described, const std::string &context);  // instance of it
  ~Effect();

  Host &host() const { return host_; }
  Handle handle() const { return handle_; }
  abi::Plugin *plugin() const { return plugin_; }
  const std::string &context() const { return context_; }
  bool isInstance() const { return instance_; }
  Clip *defineClip(const std::string &name);
  Clip *findClip(const std::string &name) const;
  const std::vector<std::unique_ptr<Clip>> &clips() const { return clips_; }
  void checkDescribed() const;

  void create();  // throws std::runtime_error when the plug-in refuses
  void destroy();
  void changed(const std::string &type, const std::string &name, const std::string &reason, double time);
  void paramEdited(Param &param);
  RectD regionOfDefinition(double time, double sx, double sy);
  std::map<std::string, RectD> regionsOfInterest(double time, double sx, double sy, const RectD &region);
  std::map<std::string, std::vector<RangeD>> framesNeeded(double time);
  Preferences preferences();
  std::optional<Identity> identity(const RenderRequest &request);
  Status sequence(const char *action, const RangeD &range, double step, const RenderRequest &request);
  RenderResult render(const RenderRequest &request);
  Status purge();

  void say(const Message &message);
  void setPersistent(const std::optional<Message> &message);
  std::vector<Message> messages() const;
  std::optional<Message> persistent() const;

  PropertySet properties;
  ParamSet params;
  std::atomic<bool> aborted{false};
  std::atomic<long> abort_polls{0};
  std::atomic<double> timeline{0};
  std::atomic<long> memory_blocks{0};

 private:
  Status call(const char *name, PropertySet *in, PropertySet *out, Action &action);
  void deliverEdits(double time);

  Host &host_;
  abi::Plugin *plugin_;
  std::string context_;
  bool instance_;
  bool created_ = false;
  int edit_depth_ = 0;
  Handle handle_;
  std::vector<std::unique_ptr<Clip>> clips_;
  mutable std::mutex mutex_;
  std::vector<Message> messages_;
  std::optional<Message> persistent_;
};

class Host {
 public:
  Host(const Personality &personality, const std::string &binary);
  ~Host();
  Host(const Host &) = delete;
  Host &operator=(const Host &) = delete;

  std::vector<std::string> plugins() const;
  // Load, Describe and DescribeInContext in this host's order.
  std::shared_ptr<Effect> describe(const std::string &identifier);
  std::shared_ptr<Effect> create(const Effect &described);
  void unload();  // Unload of every plug-in that was loaded, then dlclose
  Status call(abi::Plugin *plugin, const char *name, Handle handle, PropertySet *in, PropertySet *out, Action &action);
  std::vector<std::string> violations() const;

  const Personality personality;
  Report report;
  PropertySet properties;

 private:
  Status simple(abi::Plugin *plugin, const char *name, Effect *effect = nullptr, PropertySet *in = nullptr);
  abi::Plugin *find(const std::string &identifier) const;

  std::string binary_;
  void *library_;
  abi::Host abi_;
  std::vector<abi::Plugin *> plugins_;
  std::mutex mutex_;
  std::set<abi::Plugin *> loaded_, hosted_;
  Status (*set_host_)(const abi::Host *) = nullptr;
};

const void *fetchSuite(Handle host, const char *name, int version);
const void *imageEffectSuite();
const void *memorySuite();
const void *multiThreadSuite();
const void *messageSuite(const Personality &personality, int version);
const void *progressSuite(int version);
const void *timeLineSuite();
bool leakedMemory(Handle host);  // blocks of the memory suite not freed
Effect *effectOf(Handle handle, const char *where);
RectI pixels(const RectD &canonical, double sx, double sy, double pixel_aspect);

}  // namespace ofxhost
