// OfxPropertySuiteV1: the C functions in front of PropertySet.
#include "properties.h"

namespace ofxhost {

PropertySet *properties(Handle handle, const char *where) {
  return static_cast<PropertySet *>(resolve(Kind::Properties, handle, where));
}

namespace {

template <class T>
Status setOne(Handle handle, const char *property, int index, T value) {
  PropertySet *set = properties(handle, "propSet");
  return set ? set->set(property, index, value) : kErrBadHandle;
}

template <class T, class Array>
Status setMany(Handle handle, const char *property, int count, Array values) {
  PropertySet *set = properties(handle, "propSetN");
  if (!set) return kErrBadHandle;
  Values all;
  for (int i = 0; i < count; ++i) all.emplace_back(static_cast<T>(values[i]));
  return set->setAll(property, std::move(all));
}

template <class T, class Out>
Status getOne(Handle handle, const char *property, int index, Type type, Out *value) {
  PropertySet *set = properties(handle, "propGet");
  if (!set) return kErrBadHandle;
  if (!value) {
    violation(std::string("propGet of ") + (property ? property : "nothing") + " into a null pointer");
    return kErrValue;
  }
  Value found;
  if (Status status = set->get(property, index, type, &found)) return status;
  *value = (Out)std::get<T>(found);  // the API hands strings out as char*
  return kOk;
}

template <class T, class Out>
Status getMany(Handle handle, const char *property, int count, Type type, Out *values) {
  for (int i = 0; i < count; ++i)
    if (Status status = getOne<T>(handle, property, i, type, values + i)) return status;
  return kOk;
}

const abi::PropertySuite kSuite = {
    [](Handle h, const char *p, int i, void *v) { return setOne<void *>(h, p, i, v); },
    [](Handle h, const char *p, int i, const char *v) { return setOne<const char *>(h, p, i, v); },
    [](Handle h, const char *p, int i, double v) { return setOne<double>(h, p, i, v); },
    [](Handle h, const char *p, int i, int v) { return setOne<int>(h, p, i, v); },
    [](Handle h, const char *p, int n, void *const *v) { return setMany<void *>(h, p, n, v); },
    [](Handle h, const char *p, int n, const char *const *v) { return setMany<const char *>(h, p, n, v); },
    [](Handle h, const char *p, int n, const double *v) { return setMany<double>(h, p, n, v); },
    [](Handle h, const char *p, int n, const int *v) { return setMany<int>(h, p, n, v); },
    [](Handle h, const char *p, int i, void **v) { return getOne<void *>(h, p, i, Type::Pointer, v); },
    [](Handle h, const char *p, int i, char **v) { return getOne<const char *>(h, p, i, Type::String, v); },
    [](Handle h, const char *p, int i, double *v) { return getOne<double>(h, p, i, Type::Double, v); },
    [](Handle h, const char *p, int i, int *v) { return getOne<int>(h, p, i, Type::Int, v); },
    [](Handle h, const char *p, int n, void **v) { return getMany<void *>(h, p, n, Type::Pointer, v); },
    [](Handle h, const char *p, int n, char **v) { return getMany<const char *>(h, p, n, Type::String, v); },
    [](Handle h, const char *p, int n, double *v) { return getMany<double>(h, p, n, Type::Double, v); },
    [](Handle h, const char *p, int n, int *v) { return getMany<int>(h, p, n, Type::Int, v); },
    [](Handle h, const char *p) {
      PropertySet *set = properties(h, "propReset");
      return set ? set->reset(p) : Status(kErrBadHandle);
    },
    [](Handle h, const char *p, int *count) {
      PropertySet *set = properties(h, "propGetDimension");
      return set ? set->dimension(p, count) : Status(kErrBadHandle);
    },
};

}  // namespace

const void *propertySuite() { return &kSuite; }

}  // namespace ofxhost
