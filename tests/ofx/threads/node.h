// One node for the threaded scenarios: Probe on a plate that is known everywhere, rendered and checked as a host would.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "../host/host.h"

namespace threads {

class Node {
 public:
  // Describes and creates an instance that sends its frames to `address` and has work to do.
  Node(ofxhost::Host &host, const std::string &address);
  ~Node();
  Node(const Node &) = delete;
  Node &operator=(const Node &) = delete;

  // As a user's edit: the plug-in is told, where this host tells it.
  void set(const std::string &knob, const ofxhost::Values &value);
  void abort(bool on) { effect_->aborted = on; }
  long abort_polls() const { return effect_->abort_polls; }
  std::vector<std::string> messages() const;

  // Every question of a host, then the frame. True when the node answered OK; the output is then known to be Probe's,
  // else it is known to be the plate. Throws std::runtime_error naming the frame where the output is neither.
  bool render(double time);

 private:
  std::shared_ptr<ofxhost::Effect> described_, effect_;
};

}  // namespace threads
