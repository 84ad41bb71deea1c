// Compares our OpenFX header with the official ones: struct sizes, every member's offset, every string, every status.
// Compiled by the target `abi_check`, when ONELIGHT_OFX_SDK names the folder of the official headers.
#include <string_view>

#include "ofx.h"

#include "ofxColour.h"
#include "ofxCore.h"
#include "ofxImageEffect.h"
#include "ofxMessage.h"
#include "ofxParam.h"
#include "ofxProgress.h"
#include "ofxProperty.h"

#define CHECK_STRING(name, value) static_assert(std::string_view(value) == kOfx##name, "kOfx" #name " differs");
ONELIGHT_OFX_STRINGS(CHECK_STRING)

#define CHECK_STATUS(name) static_assert(ofx::name == kOfx##name, "kOfx" #name " differs")
CHECK_STATUS(StatOK);
CHECK_STATUS(StatFailed);
CHECK_STATUS(StatErrFatal);
CHECK_STATUS(StatErrUnknown);
CHECK_STATUS(StatErrMissingHostFeature);
CHECK_STATUS(StatErrUnsupported);
CHECK_STATUS(StatErrMemory);
CHECK_STATUS(StatErrBadHandle);
CHECK_STATUS(StatErrBadIndex);
CHECK_STATUS(StatErrValue);
CHECK_STATUS(StatReplyYes);
CHECK_STATUS(StatReplyNo);
CHECK_STATUS(StatReplyDefault);

#define CHECK_STRUCT(name) static_assert(sizeof(ofx::name) == sizeof(Ofx##name), "Ofx" #name " has another size")
#define CHECK_MEMBER(name, member) \
  static_assert(offsetof(ofx::name, member) == offsetof(Ofx##name, member), "Ofx" #name "::" #member " has moved")

CHECK_STRUCT(RectI);
CHECK_STRUCT(RectD);
CHECK_STRUCT(RangeD);
CHECK_STRUCT(Time);
CHECK_STRUCT(Status);

CHECK_STRUCT(Host);
CHECK_MEMBER(Host, host);
CHECK_MEMBER(Host, fetchSuite);

CHECK_STRUCT(Plugin);
CHECK_MEMBER(Plugin, pluginApi);
CHECK_MEMBER(Plugin, apiVersion);
CHECK_MEMBER(Plugin, pluginIdentifier);
CHECK_MEMBER(Plugin, pluginVersionMajor);
CHECK_MEMBER(Plugin, pluginVersionMinor);
CHECK_MEMBER(Plugin, setHost);
CHECK_MEMBER(Plugin, mainEntry);

CHECK_STRUCT(PropertySuiteV1);
CHECK_MEMBER(PropertySuiteV1, propSetPointer);
CHECK_MEMBER(PropertySuiteV1, propSetString);
CHECK_MEMBER(PropertySuiteV1, propSetDouble);
CHECK_MEMBER(PropertySuiteV1, propSetInt);
CHECK_MEMBER(PropertySuiteV1, propSetPointerN);
CHECK_MEMBER(PropertySuiteV1, propSetStringN);
CHECK_MEMBER(PropertySuiteV1, propSetDoubleN);
CHECK_MEMBER(PropertySuiteV1, propSetIntN);
CHECK_MEMBER(PropertySuiteV1, propGetPointer);
CHECK_MEMBER(PropertySuiteV1, propGetString);
CHECK_MEMBER(PropertySuiteV1, propGetDouble);
CHECK_MEMBER(PropertySuiteV1, propGetInt);
CHECK_MEMBER(PropertySuiteV1, propGetPointerN);
CHECK_MEMBER(PropertySuiteV1, propGetStringN);
CHECK_MEMBER(PropertySuiteV1, propGetDoubleN);
CHECK_MEMBER(PropertySuiteV1, propGetIntN);
CHECK_MEMBER(PropertySuiteV1, propReset);
CHECK_MEMBER(PropertySuiteV1, propGetDimension);

CHECK_STRUCT(ImageEffectSuiteV1);
CHECK_MEMBER(ImageEffectSuiteV1, getPropertySet);
CHECK_MEMBER(ImageEffectSuiteV1, getParamSet);
CHECK_MEMBER(ImageEffectSuiteV1, clipDefine);
CHECK_MEMBER(ImageEffectSuiteV1, clipGetHandle);
CHECK_MEMBER(ImageEffectSuiteV1, clipGetPropertySet);
CHECK_MEMBER(ImageEffectSuiteV1, clipGetImage);
CHECK_MEMBER(ImageEffectSuiteV1, clipReleaseImage);
CHECK_MEMBER(ImageEffectSuiteV1, clipGetRegionOfDefinition);
CHECK_MEMBER(ImageEffectSuiteV1, abort);
CHECK_MEMBER(ImageEffectSuiteV1, imageMemoryAlloc);
CHECK_MEMBER(ImageEffectSuiteV1, imageMemoryFree);
CHECK_MEMBER(ImageEffectSuiteV1, imageMemoryLock);
CHECK_MEMBER(ImageEffectSuiteV1, imageMemoryUnlock);

CHECK_STRUCT(ParameterSuiteV1);
CHECK_MEMBER(ParameterSuiteV1, paramDefine);
CHECK_MEMBER(ParameterSuiteV1, paramGetHandle);
CHECK_MEMBER(ParameterSuiteV1, paramSetGetPropertySet);
CHECK_MEMBER(ParameterSuiteV1, paramGetPropertySet);
CHECK_MEMBER(ParameterSuiteV1, paramGetValue);
CHECK_MEMBER(ParameterSuiteV1, paramGetValueAtTime);
CHECK_MEMBER(ParameterSuiteV1, paramGetDerivative);
CHECK_MEMBER(ParameterSuiteV1, paramGetIntegral);
CHECK_MEMBER(ParameterSuiteV1, paramSetValue);
CHECK_MEMBER(ParameterSuiteV1, paramSetValueAtTime);
CHECK_MEMBER(ParameterSuiteV1, paramGetNumKeys);
CHECK_MEMBER(ParameterSuiteV1, paramGetKeyTime);
CHECK_MEMBER(ParameterSuiteV1, paramGetKeyIndex);
CHECK_MEMBER(ParameterSuiteV1, paramDeleteKey);
CHECK_MEMBER(ParameterSuiteV1, paramDeleteAllKeys);
CHECK_MEMBER(ParameterSuiteV1, paramCopy);
CHECK_MEMBER(ParameterSuiteV1, paramEditBegin);
CHECK_MEMBER(ParameterSuiteV1, paramEditEnd);

CHECK_STRUCT(MessageSuiteV1);
CHECK_MEMBER(MessageSuiteV1, message);

CHECK_STRUCT(MessageSuiteV2);
CHECK_MEMBER(MessageSuiteV2, message);
CHECK_MEMBER(MessageSuiteV2, setPersistentMessage);
CHECK_MEMBER(MessageSuiteV2, clearPersistentMessage);

CHECK_STRUCT(ProgressSuiteV1);
CHECK_MEMBER(ProgressSuiteV1, progressStart);
CHECK_MEMBER(ProgressSuiteV1, progressUpdate);
CHECK_MEMBER(ProgressSuiteV1, progressEnd);

CHECK_STRUCT(ProgressSuiteV2);
CHECK_MEMBER(ProgressSuiteV2, progressStart);
CHECK_MEMBER(ProgressSuiteV2, progressUpdate);
CHECK_MEMBER(ProgressSuiteV2, progressEnd);
