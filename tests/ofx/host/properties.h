// Property sets: what a plug-in reads and writes through OfxPropertySuiteV1, checked against the facts.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "facts.h"
#include "report.h"

namespace ofxhost {

using Value = std::variant<int, double, const char *, void *>;
using Values = std::vector<Value>;

class PropertySet {
 public:
  // `name` says which object this is in violations, e.g. "clip Source". `param_type` only for parameters.
  PropertySet(SetKind kind, std::string name, const std::string &param_type = "", const ActionFact *action = nullptr,
              bool output = false);
  PropertySet(const PropertySet &) = delete;
  PropertySet &operator=(const PropertySet &) = delete;
  ~PropertySet();

  Handle handle() const { return handle_; }
  const std::string &name() const { return name_; }

  // The host's side: no access checks; the type must be the property's own.
  void put(const std::string &property, Values values);
  void putText(const std::string &property, const std::string &text) { put(property, {keep(text)}); }
  void putTexts(const std::string &property, const std::vector<std::string> &texts);
  bool has(const std::string &property) const;
  Values values(const std::string &property) const;  // empty when absent
  int integer(const std::string &property, size_t index = 0) const;
  double number(const std::string &property, size_t index = 0) const;
  std::string text(const std::string &property, size_t index = 0) const;
  std::vector<std::string> texts(const std::string &property) const;
  std::map<std::string, Values> all() const;
  void copyFrom(const PropertySet &other);
  void becomeInstance() { instance_ = true; }
  // Writes from the plug-in are answered with OK and do nothing (a host that cannot change this any more).
  void freeze(const std::string &property) { frozen_.insert(property); }

  // The plug-in's side.
  Status set(const char *property, int index, Value value);
  Status setAll(const char *property, Values values);
  Status get(const char *property, int index, Type type, Value *value) const;
  Status reset(const char *property);
  Status dimension(const char *property, int *count) const;

  std::shared_ptr<OpenImage> image;  // set on the property set that is an image's handle

 private:
  struct Rule {
    Type type;
    int dimension;
    const char *allowed;
    std::string access;
    Values initial;
  };
  const Rule *find(const char *property, const char *doing) const;
  Status check(const char *property, const Rule &, const Value &) const;
  Status writable(const char *property, const Rule &) const;
  void addRule(const Field &field, const ParamType *type);
  std::string place(const char *property) const;

  SetKind kind_;
  std::string name_;
  bool instance_ = false;
  bool output_ = false;
  Handle handle_;
  std::map<std::string, Rule> rules_;
  std::set<std::string> frozen_;
  mutable std::mutex mutex_;
  std::map<std::string, Values> values_;
};

PropertySet *properties(Handle handle, const char *where);
const void *propertySuite();

}  // namespace ofxhost
