// The OpenFX 1.5.1 binary interface as this host understands it, written down apart from the plug-in's own header.
//
// The plug-in has its own ofx.h. Sharing it would hide a mistake made in both places, so the host states every struct
// again and asserts each size and offset against the published layout (x86-64 Linux).
#pragma once
#include <cstddef>

namespace ofxhost {

using Status = int;
enum : Status {
  kOk = 0,
  kFailed = 1,
  kErrFatal = 2,
  kErrUnknown = 3,
  kErrMissingHostFeature = 4,
  kErrUnsupported = 5,
  kErrExists = 6,
  kErrFormat = 7,
  kErrMemory = 8,
  kErrBadHandle = 9,
  kErrBadIndex = 10,
  kErrValue = 11,
  kReplyYes = 12,
  kReplyNo = 13,
  kReplyDefault = 14,
};

using Handle = void *;  // every OpenFX handle is an opaque pointer
struct RectI {
  int x1, y1, x2, y2;
};
struct RectD {
  double x1, y1, x2, y2;
};
struct RangeD {
  double min, max;
};

namespace abi {

struct Host {
  Handle host;
  const void *(*fetchSuite)(Handle host, const char *name, int version);
};
using EntryPoint = Status(const char *action, const void *handle, Handle in, Handle out);
struct Plugin {
  const char *pluginApi;
  int apiVersion;
  const char *pluginIdentifier;
  unsigned pluginVersionMajor;
  unsigned pluginVersionMinor;
  void (*setHost)(Host *);
  EntryPoint *mainEntry;
};

struct PropertySuite {
  Status (*setPointer)(Handle, const char *, int, void *);
  Status (*setString)(Handle, const char *, int, const char *);
  Status (*setDouble)(Handle, const char *, int, double);
  Status (*setInt)(Handle, const char *, int, int);
  Status (*setPointerN)(Handle, const char *, int, void *const *);
  Status (*setStringN)(Handle, const char *, int, const char *const *);
  Status (*setDoubleN)(Handle, const char *, int, const double *);
  Status (*setIntN)(Handle, const char *, int, const int *);
  Status (*getPointer)(Handle, const char *, int, void **);
  Status (*getString)(Handle, const char *, int, char **);
  Status (*getDouble)(Handle, const char *, int, double *);
  Status (*getInt)(Handle, const char *, int, int *);
  Status (*getPointerN)(Handle, const char *, int, void **);
  Status (*getStringN)(Handle, const char *, int, char **);
  Status (*getDoubleN)(Handle, const char *, int, double *);
  Status (*getIntN)(Handle, const char *, int, int *);
  Status (*reset)(Handle, const char *);
  Status (*getDimension)(Handle, const char *, int *);
};

struct ImageEffectSuite {
  Status (*getPropertySet)(Handle effect, Handle *props);
  Status (*getParamSet)(Handle effect, Handle *params);
  Status (*clipDefine)(Handle effect, const char *name, Handle *props);
  Status (*clipGetHandle)(Handle effect, const char *name, Handle *clip, Handle *props);
  Status (*clipGetPropertySet)(Handle clip, Handle *props);
  Status (*clipGetImage)(Handle clip, double time, const RectD *region, Handle *image);
  Status (*clipReleaseImage)(Handle image);
  Status (*clipGetRegionOfDefinition)(Handle clip, double time, RectD *bounds);
  int (*abort)(Handle effect);
  Status (*imageMemoryAlloc)(Handle effect, size_t bytes, Handle *memory);
  Status (*imageMemoryFree)(Handle memory);
  Status (*imageMemoryLock)(Handle memory, void **data);
  Status (*imageMemoryUnlock)(Handle memory);
};

struct ParameterSuite {
  Status (*define)(Handle set, const char *type, const char *name, Handle *props);
  Status (*getHandle)(Handle set, const char *name, Handle *param, Handle *props);
  Status (*setGetPropertySet)(Handle set, Handle *props);
  Status (*getPropertySet)(Handle param, Handle *props);
  Status (*getValue)(Handle param, ...);
  Status (*getValueAtTime)(Handle param, double time, ...);
  Status (*getDerivative)(Handle param, double time, ...);
  Status (*getIntegral)(Handle param, double time1, double time2, ...);
  Status (*setValue)(Handle param, ...);
  Status (*setValueAtTime)(Handle param, double time, ...);
  Status (*getNumKeys)(Handle param, unsigned *keys);
  Status (*getKeyTime)(Handle param, unsigned key, double *time);
  Status (*getKeyIndex)(Handle param, double time, int direction, int *index);
  Status (*deleteKey)(Handle param, double time);
  Status (*deleteAllKeys)(Handle param);
  Status (*copy)(Handle to, Handle from, double offset, const RangeD *range);
  Status (*editBegin)(Handle set, const char *name);
  Status (*editEnd)(Handle set);
};

struct MemorySuite {
  Status (*alloc)(void *handle, size_t bytes, void **data);
  Status (*free)(void *data);
};
using ThreadFunction = void(unsigned index, unsigned count, void *arg);
struct MultiThreadSuite {
  Status (*multiThread)(ThreadFunction *, unsigned threads, void *arg);
  Status (*numCPUs)(unsigned *);
  Status (*index)(unsigned *);
  int (*isSpawnedThread)();
  Status (*mutexCreate)(Handle *, int lockCount);
  Status (*mutexDestroy)(Handle);
  Status (*mutexLock)(Handle);
  Status (*mutexUnLock)(Handle);
  Status (*mutexTryLock)(Handle);
};
struct MessageSuiteV1 {
  Status (*message)(void *handle, const char *type, const char *id, const char *format, ...);
};
struct MessageSuiteV2 {
  Status (*message)(void *handle, const char *type, const char *id, const char *format, ...);
  Status (*setPersistent)(void *handle, const char *type, const char *id, const char *format, ...);
  Status (*clearPersistent)(void *handle);
};
struct ProgressSuiteV1 {
  Status (*start)(void *instance, const char *label);
  Status (*update)(void *instance, double progress);
  Status (*end)(void *instance);
};
struct ProgressSuiteV2 {
  Status (*start)(void *instance, const char *message, const char *id);
  Status (*update)(void *instance, double progress);
  Status (*end)(void *instance);
};
struct TimeLineSuite {
  Status (*getTime)(void *instance, double *time);
  Status (*gotoTime)(void *instance, double time);
  Status (*getTimeBounds)(void *instance, double *first, double *last);
};

#define OFXHOST_AT(type, member, offset) static_assert(offsetof(type, member) == offset, #type "::" #member)
static_assert(sizeof(Host) == 16 && sizeof(Plugin) == 48 && sizeof(PropertySuite) == 144);
static_assert(sizeof(ImageEffectSuite) == 104 && sizeof(ParameterSuite) == 144 && sizeof(MemorySuite) == 16);
static_assert(sizeof(MultiThreadSuite) == 72 && sizeof(MessageSuiteV1) == 8 && sizeof(MessageSuiteV2) == 24);
static_assert(sizeof(ProgressSuiteV1) == 24 && sizeof(ProgressSuiteV2) == 24 && sizeof(TimeLineSuite) == 24);
OFXHOST_AT(Host, fetchSuite, 8);
OFXHOST_AT(Plugin, apiVersion, 8);
OFXHOST_AT(Plugin, pluginIdentifier, 16);
OFXHOST_AT(Plugin, pluginVersionMajor, 24);
OFXHOST_AT(Plugin, pluginVersionMinor, 28);
OFXHOST_AT(Plugin, setHost, 32);
OFXHOST_AT(Plugin, mainEntry, 40);
OFXHOST_AT(PropertySuite, setString, 8);
OFXHOST_AT(PropertySuite, setInt, 24);
OFXHOST_AT(PropertySuite, setStringN, 40);
OFXHOST_AT(PropertySuite, setIntN, 56);
OFXHOST_AT(PropertySuite, getPointer, 64);
OFXHOST_AT(PropertySuite, getInt, 88);
OFXHOST_AT(PropertySuite, getPointerN, 96);
OFXHOST_AT(PropertySuite, getIntN, 120);
OFXHOST_AT(PropertySuite, reset, 128);
OFXHOST_AT(PropertySuite, getDimension, 136);
OFXHOST_AT(ImageEffectSuite, clipDefine, 16);
OFXHOST_AT(ImageEffectSuite, clipGetHandle, 24);
OFXHOST_AT(ImageEffectSuite, clipGetImage, 40);
OFXHOST_AT(ImageEffectSuite, clipGetRegionOfDefinition, 56);
OFXHOST_AT(ImageEffectSuite, abort, 64);
OFXHOST_AT(ImageEffectSuite, imageMemoryUnlock, 96);
OFXHOST_AT(ParameterSuite, setGetPropertySet, 16);
OFXHOST_AT(ParameterSuite, getValue, 32);
OFXHOST_AT(ParameterSuite, getValueAtTime, 40);
OFXHOST_AT(ParameterSuite, setValue, 64);
OFXHOST_AT(ParameterSuite, getNumKeys, 80);
OFXHOST_AT(ParameterSuite, deleteKey, 104);
OFXHOST_AT(ParameterSuite, editBegin, 128);
OFXHOST_AT(ParameterSuite, editEnd, 136);
OFXHOST_AT(MultiThreadSuite, mutexCreate, 32);
OFXHOST_AT(MultiThreadSuite, mutexTryLock, 64);
OFXHOST_AT(MessageSuiteV2, setPersistent, 8);
OFXHOST_AT(MessageSuiteV2, clearPersistent, 16);
OFXHOST_AT(TimeLineSuite, getTimeBounds, 16);
#undef OFXHOST_AT

}  // namespace abi
}  // namespace ofxhost
