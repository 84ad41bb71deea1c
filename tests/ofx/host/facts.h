// What OpenFX allows: which properties exist, on which objects, who may write them, and the arguments of each action.
#pragma once
#include <string>
#include <vector>

namespace ofxhost {

enum class Type { Int, Double, String, Pointer, ByParam };

struct PropertyFact {
  const char *name;
  Type type;
  int dimension;       // 0 = any
  const char *values;  // allowed values, separated by spaces; empty = any
};
const PropertyFact *findFact(const std::string &name);  // null when OpenFX has no such property

// One property of one kind of object. `access` holds 'd' when a plug-in may write it while describing, 'i' on an
// instance. `initial` are the values the host puts there first; null = absent until the host or plug-in sets it.
struct Field {
  const char *name;
  const char *access;
  const char *initial;
};
using Fields = std::vector<Field>;

enum class SetKind { Host, Effect, Instance, Clip, Image, ParamSet, Param, Arguments };
const char *label(SetKind);
Fields fieldsOf(SetKind);                       // all kinds but Param and Arguments
Fields fieldsOfParam(const std::string &type);  // OfxParamType...

struct ParamType {
  const char *name;
  Type type;      // Pointer = holds no value (group, page, push button)
  int dimension;  // 0 = holds no value
  bool linear;    // keyframes interpolate
  bool bounded;   // has minimum and maximum
};
const ParamType *findParamType(const std::string &name);

// Argument names of an action; in `out`, a name ending in '_' is followed by a clip's name.
struct ActionFact {
  const char *name;
  std::vector<std::string> in, out;
};
const ActionFact *findAction(const std::string &name);

}  // namespace ofxhost
