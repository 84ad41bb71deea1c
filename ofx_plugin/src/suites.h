// One host as it presented itself: its function suites, what it is called, and how its oddities are met.
#pragma once

#include <string>
#include <vector>

#include "client.h"
#include "ofx.h"

namespace onelight {

struct Suites {
  ofx::PropertySet host = nullptr;
  const ofx::PropertySuiteV1 *properties = nullptr;
  const ofx::ImageEffectSuiteV1 *effects = nullptr;
  const ofx::ParameterSuiteV1 *parameters = nullptr;
  const ofx::MessageSuiteV1 *messages = nullptr;      // may be null
  const ofx::MessageSuiteV2 *persistent = nullptr;    // may be null, and so may each of its members
  const ofx::ProgressSuiteV1 *progress = nullptr;     // may be null
  const ofx::ProgressSuiteV2 *progress_v2 = nullptr;  // may be null
  // Resolve: every clip says it is connected, and optional ones give NULL or black.
  bool always_connected = false;
  bool colour_managed = false;  // OpenFX 1.5 colour management
  bool animates_bools = true, animates_choices = true;

  bool is_background() const;
  friend bool operator==(const Suites &a, const Suites &b);
};

// The suites of `host`. The same host always gives the same object, which lives as long as the process: MLT loads from
// four threads at once and instances outlive an Unload. Throws Refused when a suite that everything needs is missing.
const Suites &suites_of(const ofx::Host &host);

// The host said no to something without which there is no going on; `status` is what to answer.
class Refused : public std::runtime_error {
 public:
  Refused(ofx::Status status, const std::string &what) : std::runtime_error(what), status(status) {}
  ofx::Status status;
};

// A property set with defaults for what the host does not have. Hosts differ in what they know, so that a write which
// one does not take is no error.
class Properties {
 public:
  Properties(const Suites &suites, ofx::PropertySet handle) : suite_(suites.properties), handle_(handle) {}
  ofx::PropertySet handle() const { return handle_; }

  void set(const char *name, const char *value, int index = 0) const;
  void set(const char *name, const std::string &value, int index = 0) const { set(name, value.c_str(), index); }
  void set(const char *name, int value, int index = 0) const;
  void set(const char *name, double value, int index = 0) const;
  void set(const char *name, void *value) const;
  void set_list(const char *name, const std::vector<const char *> &values) const;

  std::string text(const char *name, const std::string &missing = "") const;
  int integer(const char *name, int missing = 0, int index = 0) const;
  double number(const char *name, double missing = 0, int index = 0) const;
  void *pointer(const char *name) const;
  bool rect(const char *name, Rect *value) const;  // false, and `value` as it was, when missing
  bool numbers(const char *name, int count, double *values) const;

 private:
  const ofx::PropertySuiteV1 *suite_;
  ofx::PropertySet handle_;
};

}  // namespace onelight
