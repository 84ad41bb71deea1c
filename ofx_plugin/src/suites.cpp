#include "suites.h"

#include <deque>
#include <mutex>

namespace onelight {
namespace {

template <typename Suite>
const Suite *fetch(const ofx::Host &host, const char *name, int version) {
  return static_cast<const Suite *>(host.fetchSuite(host.host, name, version));
}

Suites read(const ofx::Host &host) {
  Suites suites;
  suites.host = host.host;
  suites.properties = fetch<ofx::PropertySuiteV1>(host, ofx::PropertySuite, 1);
  suites.effects = fetch<ofx::ImageEffectSuiteV1>(host, ofx::ImageEffectSuite, 1);
  suites.parameters = fetch<ofx::ParameterSuiteV1>(host, ofx::ParameterSuite, 1);
  if (!suites.properties || !suites.effects || !suites.parameters) {
    throw Refused(ofx::StatErrMissingHostFeature, "This host lacks the property, image effect or parameter suite");
  }
  suites.messages = fetch<ofx::MessageSuiteV1>(host, ofx::MessageSuite, 1);
  suites.persistent = fetch<ofx::MessageSuiteV2>(host, ofx::MessageSuite, 2);
  suites.progress = fetch<ofx::ProgressSuiteV1>(host, ofx::ProgressSuite, 1);
  suites.progress_v2 = fetch<ofx::ProgressSuiteV2>(host, ofx::ProgressSuite, 2);

  const Properties properties(suites, host.host);
  const std::string name = properties.text(ofx::PropName);
  suites.always_connected = name.find("Resolve") != name.npos;
  const std::string style = properties.text(ofx::ImageEffectPropColourManagementStyle);
  suites.colour_managed = !style.empty() && style != ofx::ImageEffectColourManagementNone;
  suites.animates_bools = properties.integer(ofx::ParamHostPropSupportsBooleanAnimation) != 0;
  suites.animates_choices = properties.integer(ofx::ParamHostPropSupportsChoiceAnimation) != 0;
  return suites;
}

}  // namespace

bool Suites::is_background() const {
  return Properties(*this, host).integer(ofx::ImageEffectHostPropIsBackground) != 0;
}

bool operator==(const Suites &a, const Suites &b) {
  return a.host == b.host && a.properties == b.properties && a.effects == b.effects && a.parameters == b.parameters &&
         a.messages == b.messages && a.persistent == b.persistent && a.progress == b.progress &&
         a.progress_v2 == b.progress_v2 && a.always_connected == b.always_connected &&
         a.colour_managed == b.colour_managed && a.animates_bools == b.animates_bools &&
         a.animates_choices == b.animates_choices;
}

const Suites &suites_of(const ofx::Host &host) {
  const Suites found = read(host);
  // Never destroyed: instances refer to their host's entry until the process ends, and there is no order in which a
  // host's exit, our dlclose and a late DestroyInstance could be relied on.
  static auto *const mutex = new std::mutex;
  static auto *const known = new std::deque<Suites>;
  const std::lock_guard<std::mutex> lock(*mutex);
  for (const Suites &suites : *known) {
    if (suites == found) return suites;
  }
  return known->emplace_back(found);
}

void Properties::set(const char *name, const char *value, int index) const {
  suite_->propSetString(handle_, name, index, value);
}
void Properties::set(const char *name, int value, int index) const { suite_->propSetInt(handle_, name, index, value); }
void Properties::set(const char *name, double value, int index) const {
  suite_->propSetDouble(handle_, name, index, value);
}
void Properties::set(const char *name, void *value) const { suite_->propSetPointer(handle_, name, 0, value); }
void Properties::set_list(const char *name, const std::vector<const char *> &values) const {
  // One at a time: not every host has the functions that take arrays for lists it grows.
  for (std::size_t i = 0; i < values.size(); ++i) set(name, values[i], int(i));
}

std::string Properties::text(const char *name, const std::string &missing) const {
  char *value = nullptr;
  return suite_->propGetString(handle_, name, 0, &value) == ofx::StatOK && value ? value : missing;
}
int Properties::integer(const char *name, int missing, int index) const {
  int value = missing;
  return suite_->propGetInt(handle_, name, index, &value) == ofx::StatOK ? value : missing;
}
double Properties::number(const char *name, double missing, int index) const {
  double value = missing;
  return suite_->propGetDouble(handle_, name, index, &value) == ofx::StatOK ? value : missing;
}
void *Properties::pointer(const char *name) const {
  void *value = nullptr;
  return suite_->propGetPointer(handle_, name, 0, &value) == ofx::StatOK ? value : nullptr;
}
bool Properties::rect(const char *name, Rect *value) const {
  int sides[4];
  for (int i = 0; i < 4; ++i) {
    if (suite_->propGetInt(handle_, name, i, sides + i) != ofx::StatOK) return false;
  }
  *value = {sides[0], sides[1], sides[2], sides[3]};
  return true;
}
bool Properties::numbers(const char *name, int count, double *values) const {
  for (int i = 0; i < count; ++i) {
    if (suite_->propGetDouble(handle_, name, i, values + i) != ofx::StatOK) return false;
  }
  return true;
}

}  // namespace onelight
