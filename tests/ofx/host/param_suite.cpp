// OfxParameterSuiteV1: values by variable arguments, keyframes, and who may set what when.
#include <cmath>
#include <cstdarg>
#include <iterator>

#include "host.h"

namespace ofxhost {
namespace {

Param *param(Handle handle, const char *where) { return static_cast<Param *>(resolve(Kind::Param, handle, where)); }
ParamSet *paramSet(Handle handle, const char *where) {
  return static_cast<ParamSet *>(resolve(Kind::ParamSet, handle, where));
}

Param *instanceParam(Handle handle, const char *where) {
  Param *found = param(handle, where);
  if (found && !found->owner()->isInstance()) {
    violation(std::string(where) + " of " + found->name() + " on a descriptor");
    return nullptr;
  }
  if (found && found->type()->dimension == 0) {
    violation(std::string(where) + " of " + found->name() + ", which holds no value");
    return nullptr;
  }
  return found;
}

bool maySet(const Param &target) {
  static const std::set<std::string> actions = {"OfxActionInstanceChanged", "OfxActionBeginInstanceChanged",
                                                "OfxActionEndInstanceChanged", "OfxActionBeginInstanceEdit",
                                                "OfxActionSyncPrivateData"};
  const Action *action = currentAction();
  if (action && actions.count(action->name)) return true;
  violation("set parameter " + target.name() + " in an action that may set none");
  return false;
}

Status store(const Param &source, const Values &values, va_list arguments) {
  for (int i = 0; i < source.type()->dimension; ++i) {
    void *to = va_arg(arguments, void *);
    if (!to) {
      violation("read parameter " + source.name() + " into a null pointer");
      return kErrValue;
    }
    const Value &value = values[static_cast<size_t>(i)];
    if (auto *integer = std::get_if<int>(&value)) *static_cast<int *>(to) = *integer;
    if (auto *number = std::get_if<double>(&value)) *static_cast<double *>(to) = *number;
    if (auto *text = std::get_if<const char *>(&value)) *static_cast<const char **>(to) = *text;
  }
  return kOk;
}

bool load(const Param &target, va_list arguments, Values *values) {
  for (int i = 0; i < target.type()->dimension; ++i) {
    if (target.type()->type == Type::Int) {
      values->emplace_back(va_arg(arguments, int));
    } else if (target.type()->type == Type::Double) {
      double number = va_arg(arguments, double);
      if (!std::isfinite(number)) violation("set parameter " + target.name() + " to a number that is not finite");
      values->emplace_back(number);
    } else {
      const char *text = va_arg(arguments, const char *);
      if (!text) {
        violation("set parameter " + target.name() + " to a null string");
        return false;
      }
      values->emplace_back(keep(text));
    }
  }
  return true;
}

bool animates(const Param &target) {
  if (target.properties.integer("OfxParamPropAnimates")) return true;
  violation("keyed parameter " + target.name() + ", which does not animate");
  return false;
}

Status getValue(Handle handle, ...) {
  Param *source = instanceParam(handle, "paramGetValue");
  if (!source) return kErrBadHandle;
  va_list arguments;
  va_start(arguments, handle);
  // Without a time a host answers for its timeline's position, which during a render is some other frame.
  Status status = store(*source, source->at(source->owner()->effect()->timeline), arguments);
  va_end(arguments);
  return status;
}

Status getValueAtTime(Handle handle, double time, ...) {
  Param *source = instanceParam(handle, "paramGetValueAtTime");
  if (!source) return kErrBadHandle;
  va_list arguments;
  va_start(arguments, time);
  Status status = store(*source, source->at(time), arguments);
  va_end(arguments);
  return status;
}

Status setValue(Handle handle, ...) {
  Param *target = instanceParam(handle, "paramSetValue");
  if (!target || !maySet(*target)) return target ? kFailed : kErrBadHandle;
  Values values;
  va_list arguments;
  va_start(arguments, handle);
  bool loaded = load(*target, arguments, &values);
  va_end(arguments);
  if (!loaded) return kErrValue;
  if (target->keys().empty())
    target->set(values);
  else
    target->setKey(target->owner()->effect()->timeline, values);
  target->owner()->effect()->paramEdited(*target);
  return kOk;
}

Status setValueAtTime(Handle handle, double time, ...) {
  Param *target = instanceParam(handle, "paramSetValueAtTime");
  if (!target || !maySet(*target)) return target ? kFailed : kErrBadHandle;
  Values values;
  va_list arguments;
  va_start(arguments, time);
  bool loaded = load(*target, arguments, &values);
  va_end(arguments);
  if (!loaded || !animates(*target)) return kErrValue;
  target->setKey(time, values);
  target->owner()->effect()->paramEdited(*target);
  return kOk;
}

Status define(Handle handle, const char *type, const char *name, Handle *props) {
  ParamSet *set = paramSet(handle, "paramDefine");
  if (!set) return kErrBadHandle;
  Param *defined = set->define(type ? type : "", name ? name : "");
  if (defined && props) *props = defined->properties.handle();
  return defined ? kOk : kErrValue;
}

Status getHandle(Handle handle, const char *name, Handle *found, Handle *props) {
  ParamSet *set = paramSet(handle, "paramGetHandle");
  if (!set) return kErrBadHandle;
  Param *wanted = set->find(name ? name : "");
  if (!wanted) {
    violation(std::string("paramGetHandle of unknown parameter ") + (name ? name : "(null)"));
    return kErrUnknown;
  }
  if (found) *found = wanted->handle();
  if (props) *props = wanted->properties.handle();
  return kOk;
}

Status setPropertySet(Handle handle, Handle *props) {
  ParamSet *set = paramSet(handle, "paramSetGetPropertySet");
  if (!set) return kErrBadHandle;
  *props = set->properties.handle();
  return kOk;
}

Status propertySetOf(Handle handle, Handle *props) {
  Param *found = param(handle, "paramGetPropertySet");
  if (!found) return kErrBadHandle;
  *props = found->properties.handle();
  return kOk;
}

Status unsupported(Handle, double, ...) { return kErrUnsupported; }
Status integral(Handle, double, double, ...) { return kErrUnsupported; }

Status numKeys(Handle handle, unsigned *count) {
  Param *source = instanceParam(handle, "paramGetNumKeys");
  if (!source) return kErrBadHandle;
  *count = static_cast<unsigned>(source->keys().size());
  return kOk;
}

Status keyTime(Handle handle, unsigned index, double *time) {
  Param *source = instanceParam(handle, "paramGetKeyTime");
  if (!source) return kErrBadHandle;
  auto keys = source->keys();
  if (index >= keys.size()) return kErrBadIndex;
  *time = std::next(keys.begin(), static_cast<long>(index))->first;
  return kOk;
}

Status keyIndex(Handle handle, double time, int direction, int *index) {
  Param *source = instanceParam(handle, "paramGetKeyIndex");
  if (!source) return kErrBadHandle;
  auto keys = source->keys();
  int found = -1, position = 0;
  for (auto &entry : keys) {
    bool match = direction == 0 ? entry.first == time : direction > 0 ? entry.first > time : entry.first < time;
    if (match && (direction <= 0 || found < 0)) found = position;
    ++position;
  }
  *index = found;
  return found < 0 ? kFailed : kOk;
}

Status deleteKey(Handle handle, double time) {
  Param *target = instanceParam(handle, "paramDeleteKey");
  if (!target || !maySet(*target)) return kErrBadHandle;
  return target->deleteKey(time) ? kOk : kErrBadIndex;
}

Status deleteAllKeys(Handle handle) {
  Param *target = instanceParam(handle, "paramDeleteAllKeys");
  if (!target || !maySet(*target)) return kErrBadHandle;
  target->deleteKeys();
  return kOk;
}

Status copy(Handle to, Handle from, double offset, const RangeD *) {
  Param *target = instanceParam(to, "paramCopy"), *source = instanceParam(from, "paramCopy");
  if (!target || !source || !maySet(*target)) return kErrBadHandle;
  target->set(source->at(0));
  for (auto &[time, value] : source->keys()) target->setKey(time + offset, value);
  target->owner()->effect()->paramEdited(*target);
  return kOk;
}

Status editBegin(Handle handle, const char *name) {
  ParamSet *set = paramSet(handle, "paramEditBegin");
  if (!set) return kErrBadHandle;
  set->begin(name ? name : "");
  return kOk;
}

Status editEnd(Handle handle) {
  ParamSet *set = paramSet(handle, "paramEditEnd");
  if (!set) return kErrBadHandle;
  if (!set->end()) violation("paramEditEnd without paramEditBegin");
  return kOk;
}

const abi::ParameterSuite kSuite = {
    define,      getHandle, setPropertySet, propertySetOf,  getValue,  getValueAtTime,
    unsupported, integral,  setValue,       setValueAtTime, numKeys,   keyTime,
    keyIndex,    deleteKey, deleteAllKeys,  copy,           editBegin, editEnd,
};

}  // namespace

const void *parameterSuite() { return &kSuite; }

}  // namespace ofxhost
