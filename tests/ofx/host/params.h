// Parameters with their keyframes, and the undo blocks a plug-in opens around its edits.
#pragma once
#include <deque>
#include <memory>
#include <thread>

#include "properties.h"

namespace ofxhost {

class ParamSet;

class Param {
 public:
  static constexpr Kind kKind = Kind::Param;
  Param(ParamSet *owner, const ParamType *type, const std::string &name);
  ~Param();

  const ParamType *type() const { return type_; }
  const std::string &name() const { return name_; }
  Handle handle() const { return handle_; }
  ParamSet *owner() const { return owner_; }
  bool isSecret() const { return properties.integer("OfxParamPropSecret") != 0; }

  Values at(double time) const;  // keyframes: linear for numbers, held for everything else
  void set(const Values &value);
  void setKey(double time, const Values &value);
  std::map<double, Values> keys() const;
  bool deleteKey(double time);
  void deleteKeys();
  void takeDefault();  // the value at creation is the described default

  PropertySet properties;

 private:
  Values clamped(Values value) const;

  ParamSet *owner_;
  const ParamType *type_;
  std::string name_;
  Handle handle_;
  mutable std::mutex mutex_;
  Values value_;
  std::map<double, Values> keys_;
};

struct UndoBlock {
  std::string label;
  std::vector<std::string> params;  // as edited, in order
  bool open = false;
  std::thread::id thread;  // that opened it: an action that ends in another one leaves it alone
};

class ParamSet {
 public:
  ParamSet(Effect *effect, bool instance);
  ~ParamSet();

  Handle handle() const { return handle_; }
  Effect *effect() const { return effect_; }
  bool isInstance() const { return instance_; }
  Param *define(const std::string &type, const std::string &name);  // null after recording a violation
  Param *find(const std::string &name) const;
  const std::vector<std::unique_ptr<Param>> &params() const { return params_; }
  void instantiate(const ParamSet &descriptor);
  void checkDescribed() const;  // records what a described set lacks

  void begin(const std::string &label);
  bool end();
  void edited(const Param &param);  // by the plug-in
  std::vector<UndoBlock> undo() const;
  std::vector<std::string> takeEdited();  // names edited since the last call: the host answers with InstanceChanged

  PropertySet properties;

 private:
  UndoBlock *openBlock();  // of this thread; null = none

  Effect *effect_;
  bool instance_;
  Handle handle_;
  std::vector<std::unique_ptr<Param>> params_;
  mutable std::mutex mutex_;
  std::vector<UndoBlock> undo_;
  std::deque<std::string> edited_;
};

const void *parameterSuite();

}  // namespace ofxhost
