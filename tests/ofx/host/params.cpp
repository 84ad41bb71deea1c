// Values over time, what a described parameter must declare, and undo blocks.
#include "params.h"

#include <cmath>

#include "host.h"

namespace ofxhost {
namespace {

Values blank(const ParamType &type) {
  Value value = type.type == Type::Int ? Value(0) : type.type == Type::Double ? Value(0.0) : Value("");
  return Values(static_cast<size_t>(type.dimension), value);
}

double asNumber(const Value &value) {
  auto *integer = std::get_if<int>(&value);
  return integer ? *integer : std::get<double>(value);
}

}  // namespace

Param::Param(ParamSet *owner, const ParamType *type, const std::string &name)
    : properties(SetKind::Param, "parameter " + name, type->name), owner_(owner), type_(type), name_(name) {
  handle_ = enroll(Kind::Param, this);
  properties.putText("OfxPropName", name);
  properties.putText("OfxParamPropType", type->name);
  properties.putText("OfxParamPropScriptName", name);
  for (const char *label : {"OfxPropLabel", "OfxPropShortLabel", "OfxPropLongLabel"}) properties.putText(label, name);
  if (type->dimension) properties.put("OfxParamPropDefault", blank(*type));
  if (std::string(type->name) == "OfxParamTypeString" || std::string(type->name) == "OfxParamTypeCustom")
    properties.put("OfxParamPropAnimates", {0});
  value_ = blank(*type);
}

Param::~Param() { retire(handle_); }

Values Param::clamped(Values value) const {
  const Action *action = currentAction();
  Effect *effect = owner_->effect();
  (void)action;
  if (!effect->host().personality.clamps_without_display_range || type_->type != Type::Double || !type_->bounded)
    return value;
  if (properties.has("OfxParamPropDisplayMin") && properties.has("OfxParamPropDisplayMax")) return value;
  for (Value &number : value) number = std::fmin(1.0, std::fmax(-1.0, asNumber(number)));
  return value;
}

Values Param::at(double time) const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (keys_.empty()) return clamped(value_);
  auto after = keys_.lower_bound(time);
  if (after == keys_.begin()) return clamped(after->second);
  auto before = after == keys_.end() ? std::prev(keys_.end()) : after;
  if (after == keys_.end() || after->first == time) return clamped(before->second);
  before = std::prev(after);
  if (!type_->linear) return before->second;
  double part = (time - before->first) / (after->first - before->first);
  Values mixed;
  for (size_t i = 0; i < before->second.size(); ++i) {
    double number = asNumber(before->second[i]) * (1 - part) + asNumber(after->second[i]) * part;
    mixed.push_back(type_->type == Type::Int ? Value(static_cast<int>(std::lround(number))) : Value(number));
  }
  return clamped(mixed);
}

void Param::set(const Values &value) {
  std::lock_guard<std::mutex> lock(mutex_);
  value_ = value;
}

void Param::setKey(double time, const Values &value) {
  std::lock_guard<std::mutex> lock(mutex_);
  keys_[time] = value;
  properties.put("OfxParamPropIsAnimating", {1});
}

std::map<double, Values> Param::keys() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return keys_;
}

bool Param::deleteKey(double time) {
  std::lock_guard<std::mutex> lock(mutex_);
  bool found = keys_.erase(time) != 0;
  properties.put("OfxParamPropIsAnimating", {keys_.empty() ? 0 : 1});
  return found;
}

void Param::deleteKeys() {
  std::lock_guard<std::mutex> lock(mutex_);
  keys_.clear();
  properties.put("OfxParamPropIsAnimating", {0});
}

void Param::takeDefault() {
  if (type_->dimension) set(properties.values("OfxParamPropDefault"));
}

ParamSet::ParamSet(Effect *effect, bool instance)
    : properties(SetKind::ParamSet, "parameter set"), effect_(effect), instance_(instance) {
  handle_ = enroll(Kind::ParamSet, this);
  if (instance) properties.becomeInstance();
}

ParamSet::~ParamSet() { retire(handle_); }

Param *ParamSet::find(const std::string &name) const {
  for (const auto &param : params_)
    if (param->name() == name) return param.get();
  return nullptr;
}

Param *ParamSet::define(const std::string &type_name, const std::string &name) {
  const ParamType *type = findParamType(type_name);
  if (!type || instance_ || find(name)) {
    violation("paramDefine of " + name + ": " +
              (!type       ? "no parameter type " + type_name
               : instance_ ? "not while describing"
                           : "defined twice"));
    return nullptr;
  }
  params_.push_back(std::make_unique<Param>(this, type, name));
  return params_.back().get();
}

void ParamSet::instantiate(const ParamSet &descriptor) {
  const Personality &host = effect_->host().personality;
  properties.copyFrom(descriptor.properties);
  for (const auto &described : descriptor.params()) {
    auto param = std::make_unique<Param>(this, described->type(), described->name());
    param->properties.copyFrom(described->properties);
    param->properties.putText("OfxPropType", "OfxTypeParameterInstance");
    param->properties.becomeInstance();
    if (host.secret_at_describe_is_forever && described->isSecret()) param->properties.freeze("OfxParamPropSecret");
    if (host.choice_options_fixed) param->properties.freeze("OfxParamPropChoiceOption");
    param->takeDefault();
    params_.push_back(std::move(param));
  }
}

void ParamSet::checkDescribed() const {
  for (const auto &param : params_) {
    const PropertySet &described = param->properties;
    const ParamType &type = *param->type();
    std::string parent = described.text("OfxParamPropParent");
    if (!parent.empty()) {
      Param *group = find(parent);
      if (!group || std::string(group->type()->name) != "OfxParamTypeGroup")
        violation("parameter " + param->name() + " names a parent that is no group: " + parent);
    }
    if (type.bounded)
      for (const char *bound :
           {"OfxParamPropMin", "OfxParamPropMax", "OfxParamPropDisplayMin", "OfxParamPropDisplayMax"})
        if (!described.has(bound)) violation("parameter " + param->name() + " has no " + bound);
    if (type.bounded && described.has("OfxParamPropMin") && described.has("OfxParamPropMax"))
      for (size_t i = 0; i < static_cast<size_t>(type.dimension); ++i) {
        double value = asNumber(described.values("OfxParamPropDefault").at(i));
        if (value < asNumber(described.values("OfxParamPropMin").at(i)) ||
            value > asNumber(described.values("OfxParamPropMax").at(i)))
          violation("the default of parameter " + param->name() + " is outside its range");
      }
    if (std::string(type.name) == "OfxParamTypeChoice") {
      int options = static_cast<int>(described.values("OfxParamPropChoiceOption").size());
      int chosen = described.integer("OfxParamPropDefault");
      if (chosen < 0 || chosen >= options) violation("the default of parameter " + param->name() + " is no option");
    }
  }
}

UndoBlock *ParamSet::openBlock() {
  for (UndoBlock &block : undo_)
    if (block.open && block.thread == std::this_thread::get_id()) return &block;
  return nullptr;
}

void ParamSet::begin(const std::string &label) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const UndoBlock &block : undo_)
    if (block.open) violation("paramEditBegin inside another edit");
  undo_.push_back({label, {}, true, std::this_thread::get_id()});
}

bool ParamSet::end() {
  std::lock_guard<std::mutex> lock(mutex_);
  UndoBlock *block = openBlock();
  if (block) block->open = false;
  return block != nullptr;
}

void ParamSet::edited(const Param &param) {
  std::lock_guard<std::mutex> lock(mutex_);
  UndoBlock *block = openBlock();
  if (!block) block = &undo_.emplace_back();  // an undo step of its own
  block->params.push_back(param.name());
  edited_.push_back(param.name());
}

std::vector<UndoBlock> ParamSet::undo() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return undo_;
}

std::vector<std::string> ParamSet::takeEdited() {
  std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::string> names;
  for (auto &name : edited_)
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  edited_.clear();
  return names;
}

}  // namespace ofxhost
