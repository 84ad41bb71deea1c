// The binary interface of OpenFX 1.5.1 as far as an image effect needs it, written from its published layout.
//
// Structs keep the official order and member names, so that `abi_check` can compare both. Strings are in ofx_strings.h.
#pragma once

#include <cstddef>

namespace ofx {

using Status = int;
enum : Status {
  StatOK = 0,
  StatFailed = 1,
  StatErrFatal = 2,
  StatErrUnknown = 3,
  StatErrMissingHostFeature = 4,
  StatErrUnsupported = 5,
  StatErrMemory = 8,
  StatErrBadHandle = 9,
  StatErrBadIndex = 10,
  StatErrValue = 11,
  StatReplyYes = 12,
  StatReplyNo = 13,
  StatReplyDefault = 14,
};

using Time = double;
struct RectI {
  int x1, y1, x2, y2;
};
struct RectD {
  double x1, y1, x2, y2;
};
struct RangeD {
  double min, max;
};

using PropertySet = struct OpaquePropertySet *;
using Effect = struct OpaqueEffect *;
using Clip = struct OpaqueClip *;
using ImageMemory = struct OpaqueImageMemory *;
using ParamSet = struct OpaqueParamSet *;
using Param = struct OpaqueParam *;
using Mutex = struct OpaqueMutex *;

struct Host {
  PropertySet host;
  const void *(*fetchSuite)(PropertySet host, const char *suiteName, int suiteVersion);
};

using EntryPoint = Status(const char *action, const void *handle, PropertySet inArgs, PropertySet outArgs);

struct Plugin {
  const char *pluginApi;
  int apiVersion;
  const char *pluginIdentifier;
  unsigned int pluginVersionMajor;
  unsigned int pluginVersionMinor;
  void (*setHost)(Host *host);
  EntryPoint *mainEntry;
};

struct PropertySuiteV1 {
  Status (*propSetPointer)(PropertySet, const char *property, int index, void *value);
  Status (*propSetString)(PropertySet, const char *property, int index, const char *value);
  Status (*propSetDouble)(PropertySet, const char *property, int index, double value);
  Status (*propSetInt)(PropertySet, const char *property, int index, int value);
  Status (*propSetPointerN)(PropertySet, const char *property, int count, void *const *value);
  Status (*propSetStringN)(PropertySet, const char *property, int count, const char *const *value);
  Status (*propSetDoubleN)(PropertySet, const char *property, int count, const double *value);
  Status (*propSetIntN)(PropertySet, const char *property, int count, const int *value);
  Status (*propGetPointer)(PropertySet, const char *property, int index, void **value);
  Status (*propGetString)(PropertySet, const char *property, int index, char **value);
  Status (*propGetDouble)(PropertySet, const char *property, int index, double *value);
  Status (*propGetInt)(PropertySet, const char *property, int index, int *value);
  Status (*propGetPointerN)(PropertySet, const char *property, int count, void **value);
  Status (*propGetStringN)(PropertySet, const char *property, int count, char **value);
  Status (*propGetDoubleN)(PropertySet, const char *property, int count, double *value);
  Status (*propGetIntN)(PropertySet, const char *property, int count, int *value);
  Status (*propReset)(PropertySet, const char *property);
  Status (*propGetDimension)(PropertySet, const char *property, int *count);
};

struct ImageEffectSuiteV1 {
  Status (*getPropertySet)(Effect, PropertySet *);
  Status (*getParamSet)(Effect, ParamSet *);
  Status (*clipDefine)(Effect, const char *name, PropertySet *);
  Status (*clipGetHandle)(Effect, const char *name, Clip *, PropertySet *);
  Status (*clipGetPropertySet)(Clip, PropertySet *);
  Status (*clipGetImage)(Clip, Time, const RectD *region, PropertySet *image);
  Status (*clipReleaseImage)(PropertySet image);
  Status (*clipGetRegionOfDefinition)(Clip, Time, RectD *bounds);
  int (*abort)(Effect);
  Status (*imageMemoryAlloc)(Effect, std::size_t bytes, ImageMemory *);
  Status (*imageMemoryFree)(ImageMemory);
  Status (*imageMemoryLock)(ImageMemory, void **pointer);
  Status (*imageMemoryUnlock)(ImageMemory);
};

struct ParameterSuiteV1 {
  Status (*paramDefine)(ParamSet, const char *type, const char *name, PropertySet *);
  Status (*paramGetHandle)(ParamSet, const char *name, Param *, PropertySet *);
  Status (*paramSetGetPropertySet)(ParamSet, PropertySet *);
  Status (*paramGetPropertySet)(Param, PropertySet *);
  Status (*paramGetValue)(Param, ...);
  Status (*paramGetValueAtTime)(Param, Time, ...);
  Status (*paramGetDerivative)(Param, Time, ...);
  Status (*paramGetIntegral)(Param, Time, Time, ...);
  Status (*paramSetValue)(Param, ...);
  Status (*paramSetValueAtTime)(Param, Time, ...);
  Status (*paramGetNumKeys)(Param, unsigned int *count);
  Status (*paramGetKeyTime)(Param, unsigned int key, Time *);
  Status (*paramGetKeyIndex)(Param, Time, int direction, int *index);
  Status (*paramDeleteKey)(Param, Time);
  Status (*paramDeleteAllKeys)(Param);
  Status (*paramCopy)(Param to, Param from, Time offset, const RangeD *range);
  Status (*paramEditBegin)(ParamSet, const char *name);
  Status (*paramEditEnd)(ParamSet);
};

struct MessageSuiteV1 {
  Status (*message)(void *handle, const char *type, const char *id, const char *format, ...);
};

struct MessageSuiteV2 {
  Status (*message)(void *handle, const char *type, const char *id, const char *format, ...);
  Status (*setPersistentMessage)(void *handle, const char *type, const char *id, const char *format, ...);
  Status (*clearPersistentMessage)(void *handle);
};

struct ProgressSuiteV1 {
  Status (*progressStart)(void *effect, const char *label);
  Status (*progressUpdate)(void *effect, double progress);
  Status (*progressEnd)(void *effect);
};

struct ProgressSuiteV2 {
  Status (*progressStart)(void *effect, const char *message, const char *messageid);
  Status (*progressUpdate)(void *effect, double progress);
  Status (*progressEnd)(void *effect);
};

// The layout that hosts were compiled against: 8-byte pointers, 4-byte ints.
static_assert(sizeof(void *) == 8 && sizeof(int) == 4, "OpenFX hosts are 64-bit");
static_assert(sizeof(Host) == 16 && offsetof(Host, fetchSuite) == 8);
static_assert(sizeof(Plugin) == 48 && offsetof(Plugin, apiVersion) == 8 && offsetof(Plugin, pluginIdentifier) == 16);
static_assert(offsetof(Plugin, pluginVersionMajor) == 24 && offsetof(Plugin, pluginVersionMinor) == 28);
static_assert(offsetof(Plugin, setHost) == 32 && offsetof(Plugin, mainEntry) == 40);
static_assert(sizeof(PropertySuiteV1) == 144 && offsetof(PropertySuiteV1, propSetPointerN) == 32);
static_assert(offsetof(PropertySuiteV1, propSetIntN) == 56 && offsetof(PropertySuiteV1, propGetPointer) == 64);
static_assert(offsetof(PropertySuiteV1, propGetIntN) == 120 && offsetof(PropertySuiteV1, propGetDimension) == 136);
static_assert(sizeof(ImageEffectSuiteV1) == 104 && offsetof(ImageEffectSuiteV1, clipGetImage) == 40);
static_assert(offsetof(ImageEffectSuiteV1, abort) == 64 && offsetof(ImageEffectSuiteV1, imageMemoryUnlock) == 96);
static_assert(sizeof(ParameterSuiteV1) == 144 && offsetof(ParameterSuiteV1, paramGetValueAtTime) == 40);
static_assert(offsetof(ParameterSuiteV1, paramSetValue) == 64 && offsetof(ParameterSuiteV1, paramEditEnd) == 136);
static_assert(sizeof(MessageSuiteV1) == 8 && sizeof(MessageSuiteV2) == 24);
static_assert(offsetof(MessageSuiteV2, clearPersistentMessage) == 16);
static_assert(sizeof(ProgressSuiteV1) == 24 && sizeof(ProgressSuiteV2) == 24);
static_assert(sizeof(RectI) == 16 && sizeof(RectD) == 32 && sizeof(RangeD) == 16);

}  // namespace ofx

#include "ofx_strings.h"
