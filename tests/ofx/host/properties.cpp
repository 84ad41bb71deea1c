// The rules of a property set: known name, right type, allowed value, index in range, writable now.
#include "properties.h"

#include <sstream>

namespace ofxhost {
namespace {

const char *typeName(Type type) {
  static const char *const names[] = {"int", "double", "string", "pointer", "any"};
  return names[static_cast<int>(type)];
}

Type typeOf(const Value &value) {
  static const Type types[] = {Type::Int, Type::Double, Type::String, Type::Pointer};
  return types[value.index()];
}

Values parse(const char *text, Type type, int dimension) {
  if (!text) return {};
  if (type == Type::String && dimension == 1) return {keep(text)};
  std::istringstream stream(text);
  Values values;
  for (std::string word; stream >> word;) {
    if (type == Type::Int)
      values.emplace_back(std::stoi(word));
    else if (type == Type::Double)
      values.emplace_back(std::stod(word));
    else
      values.emplace_back(keep(word));
  }
  return values;
}

bool allowedValue(const char *allowed, const Value &value) {
  if (!allowed || !*allowed) return true;
  std::string text;
  if (auto *number = std::get_if<int>(&value))
    text = std::to_string(*number);
  else if (auto *string = std::get_if<const char *>(&value))
    text = *string;
  return (std::string(" ") + allowed + " ").find(" " + text + " ") != std::string::npos;
}

// Whether a plug-in may write properties of its effect, clips and parameters while this action runs.
bool mayWriteDuring(const std::string &action) {
  static const std::set<std::string> actions = {
      "OfxActionLoad",           "OfxActionDescribe",           "OfxImageEffectActionDescribeInContext",
      "OfxActionCreateInstance", "OfxActionDestroyInstance",    "OfxActionInstanceChanged",
      "OfxActionUnload",         "OfxActionEndInstanceChanged", "OfxActionBeginInstanceChanged",
      "OfxActionPurgeCaches",    "OfxActionSyncPrivateData",    "OfxActionBeginInstanceEdit",
      "OfxActionEndInstanceEdit"};
  return actions.count(action) != 0;
}

}  // namespace

PropertySet::PropertySet(SetKind kind, std::string name, const std::string &param_type, const ActionFact *action,
                         bool output)
    : kind_(kind), name_(std::move(name)), instance_(kind == SetKind::Instance), output_(output) {
  const ParamType *type = findParamType(param_type);
  if (kind == SetKind::Param)
    for (const Field &field : fieldsOfParam(param_type)) addRule(field, type);
  for (const Field &field : fieldsOf(kind)) addRule(field, nullptr);
  if (action)
    for (const std::string &argument : output ? action->out : action->in)
      if (argument.back() != '_') addRule({keep(argument), output ? "di" : "", nullptr}, nullptr);
  handle_ = enroll(Kind::Properties, this);
}

PropertySet::~PropertySet() { retire(handle_); }

void PropertySet::addRule(const Field &field, const ParamType *param) {
  static const PropertyFact prefixed = {"", Type::ByParam, 0, ""};
  const PropertyFact *fact = findFact(field.name);
  if (!fact) fact = &prefixed;
  Rule rule{fact->type, fact->dimension, fact->values, field.access, {}};
  if (rule.type == Type::ByParam && param) {
    rule.type = param->type;
    rule.dimension = param->dimension;
  }
  rule.initial = parse(field.initial, rule.type, rule.dimension);
  values_[field.name] = rule.initial;
  rules_[field.name] = std::move(rule);
}

std::string PropertySet::place(const char *property) const { return std::string(property) + " of the " + name_; }

void PropertySet::put(const std::string &property, Values values) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto rule = rules_.find(property);
  if (rule == rules_.end()) {  // per-clip arguments, added by the host as it learns the clips
    rules_[property] = {values.empty() ? Type::ByParam : typeOf(values[0]), 0, "", output_ ? "di" : "", values};
  } else {
    rule->second.initial = values;
    if (!values.empty() && typeOf(values[0]) != rule->second.type)
      throw std::logic_error("the host itself puts a wrong type into " + place(property.c_str()));
  }
  values_[property] = std::move(values);
}

void PropertySet::putTexts(const std::string &property, const std::vector<std::string> &texts) {
  Values values;
  for (const auto &text : texts) values.emplace_back(keep(text));
  put(property, values);
}

bool PropertySet::has(const std::string &property) const { return !values(property).empty(); }

Values PropertySet::values(const std::string &property) const {
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = values_.find(property);
  return it == values_.end() ? Values() : it->second;
}

int PropertySet::integer(const std::string &property, size_t index) const {
  return std::get<int>(values(property).at(index));
}
double PropertySet::number(const std::string &property, size_t index) const {
  return std::get<double>(values(property).at(index));
}
std::string PropertySet::text(const std::string &property, size_t index) const {
  return std::get<const char *>(values(property).at(index));
}
std::vector<std::string> PropertySet::texts(const std::string &property) const {
  std::vector<std::string> result;
  for (const Value &value : values(property)) result.emplace_back(std::get<const char *>(value));
  return result;
}

std::map<std::string, Values> PropertySet::all() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return values_;
}

void PropertySet::copyFrom(const PropertySet &other) {
  auto values = other.all();
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto &[property, value] : values)
    if (rules_.count(property)) values_[property] = rules_[property].initial = value;
}

const PropertySet::Rule *PropertySet::find(const char *property, const char *doing) const {
  if (!property) {
    violation(std::string(doing) + " a property without a name on the " + name_);
    return nullptr;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  auto it = rules_.find(property);
  if (it != rules_.end()) return &it->second;
  violation(std::string(doing) + " unknown property " + place(property) +
            (findFact(property) ? " (OpenFX has it on other objects only)" : " (OpenFX has none of this name)"));
  return nullptr;
}

Status PropertySet::writable(const char *property, const Rule &rule) const {
  if (rule.access.find(instance_ ? 'i' : 'd') == std::string::npos) {
    violation("wrote the read-only property " + place(property));
    return kErrValue;
  }
  const Action *action = currentAction();
  if (action && !output_ && !mayWriteDuring(action->name)) {
    violation("wrote " + place(property) + " in an action that must change nothing");
    return kErrValue;
  }
  return kOk;
}

Status PropertySet::check(const char *property, const Rule &rule, const Value &value) const {
  if (rule.type != Type::ByParam && typeOf(value) != rule.type) {
    violation("used " + place(property) + " as " + typeName(typeOf(value)) + ", it is " + typeName(rule.type));
    return kErrUnknown;
  }
  auto *text = std::get_if<const char *>(&value);
  if (text && !*text) {
    violation("set " + place(property) + " to a null string");
    return kErrValue;
  }
  if (!allowedValue(rule.allowed, value)) {
    std::string shown = text ? *text : std::to_string(std::get<int>(value));
    violation("set " + place(property) + " to '" + shown + "', which OpenFX does not define");
    return kErrValue;
  }
  return kOk;
}

Status PropertySet::set(const char *property, int index, Value value) {
  const Rule *rule = find(property, "set");
  if (!rule) return kErrUnknown;
  if (Status status = writable(property, *rule)) return status;
  if (Status status = check(property, *rule, value)) return status;
  std::lock_guard<std::mutex> lock(mutex_);
  Values &values = values_[property];
  int limit = rule->dimension ? rule->dimension : static_cast<int>(values.size()) + 1;
  if (index < 0 || index >= limit) {
    violation("set index " + std::to_string(index) + " of " + place(property));
    return kErrBadIndex;
  }
  if (frozen_.count(property)) return kOk;
  if (auto *text = std::get_if<const char *>(&value)) value = keep(*text);
  static const Value blanks[] = {0, 0.0, "", static_cast<void *>(nullptr)};
  if (static_cast<int>(values.size()) <= index) values.resize(static_cast<size_t>(index) + 1, blanks[value.index()]);
  values[static_cast<size_t>(index)] = value;
  return kOk;
}

Status PropertySet::setAll(const char *property, Values values) {
  const Rule *rule = find(property, "set");
  if (!rule) return kErrUnknown;
  if (Status status = writable(property, *rule)) return status;
  if (rule->dimension && static_cast<int>(values.size()) != rule->dimension) {
    violation("set " + std::to_string(values.size()) + " values of " + place(property) + ", which has " +
              std::to_string(rule->dimension));
    return kErrBadIndex;
  }
  for (Value &value : values) {
    if (Status status = check(property, *rule, value)) return status;
    if (auto *text = std::get_if<const char *>(&value)) value = keep(*text);
  }
  std::lock_guard<std::mutex> lock(mutex_);
  if (!frozen_.count(property)) values_[property] = std::move(values);
  return kOk;
}

Status PropertySet::get(const char *property, int index, Type type, Value *value) const {
  const Rule *rule = find(property, "read");
  if (!rule) return kErrUnknown;
  if (rule->type != Type::ByParam && rule->type != type) {
    violation("read " + place(property) + " as " + typeName(type) + ", it is " + typeName(rule->type));
    return kErrUnknown;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  const Values &values = values_.at(property);
  if (values.empty()) return index == 0 ? kErrUnknown : kErrBadIndex;  // optional and not on this host
  if (index < 0 || index >= static_cast<int>(values.size())) {
    violation("read index " + std::to_string(index) + " of " + place(property) + ", which has " +
              std::to_string(values.size()));
    return kErrBadIndex;
  }
  *value = values[static_cast<size_t>(index)];
  return kOk;
}

Status PropertySet::reset(const char *property) {
  const Rule *rule = find(property, "reset");
  if (!rule) return kErrUnknown;
  if (Status status = writable(property, *rule)) return status;
  std::lock_guard<std::mutex> lock(mutex_);
  values_[property] = rule->initial;
  return kOk;
}

Status PropertySet::dimension(const char *property, int *count) const {
  if (!find(property, "asked the dimension of")) return kErrUnknown;
  std::lock_guard<std::mutex> lock(mutex_);
  *count = static_cast<int>(values_.at(property).size());
  return kOk;
}

}  // namespace ofxhost
