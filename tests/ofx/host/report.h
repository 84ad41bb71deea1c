// What a plug-in did wrong, and which action was running in this thread when it did.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "abi.h"

namespace ofxhost {

class Effect;
class Host;
class Image;

// Sentences in the order in which they first happened; the same one again is only counted.
class Report {
 public:
  void add(const std::string &sentence);
  std::vector<std::string> sentences() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> order_;
  std::map<std::string, int> counts_;
};

struct OpenImage;

// One call into the plug-in. Threads of the multi-thread suite share the action of the thread that asked for them.
struct Action {
  Host *host = nullptr;
  Effect *effect = nullptr;
  const char *name = "";
  double time = 0;
  double scale_x = 1, scale_y = 1;
  std::shared_ptr<Image> output;                             // of a render
  std::map<std::string, std::vector<RangeD>> frames_needed;  // clip -> frames; empty = the host did not ask
  std::mutex mutex;
  std::set<OpenImage *> images;  // fetched in this action and not yet released
};

Action *currentAction();
class ActionScope {
 public:
  explicit ActionScope(Action *);
  ~ActionScope();

 private:
  Action *previous_;
};

// Records against the host of the running action; outside of one, against every host ("a thread of its own").
void violation(const std::string &sentence);
Report &strayReport();

// Objects a plug-in holds handles to. A handle is a number that is never used again, so a dead one is always noticed
// and nothing a plug-in passes is ever dereferenced.
enum class Kind { Properties, Effect, ParamSet, Param, Clip, Memory, Mutex };
Handle enroll(Kind, void *object);
void retire(Handle);
void *resolve(Kind, Handle, const char *where);  // null after recording a violation

// Text handed to a plug-in must outlive the call: it is kept for the life of the process, each once.
const char *keep(const std::string &text);

}  // namespace ofxhost
