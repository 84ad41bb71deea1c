// Which properties each kind of OpenFX object carries, who may write them and what they hold at first.
#include <sstream>

#include "facts.h"

namespace ofxhost {
namespace {

const Fields kHost = {
    {"OfxPropAPIVersion", "", nullptr},
    {"OfxPropType", "", "OfxTypeImageEffectHost"},
    {"OfxPropName", "", nullptr},
    {"OfxPropLabel", "", nullptr},
    {"OfxPropVersion", "", nullptr},
    {"OfxPropVersionLabel", "", nullptr},
    {"OfxImageEffectHostPropIsBackground", "", nullptr},
    {"OfxImageEffectPropSupportsOverlays", "", "0"},
    {"OfxImageEffectPropSupportsMultiResolution", "", "1"},
    {"OfxImageEffectPropSupportsTiles", "", "1"},
    {"OfxImageEffectPropTemporalClipAccess", "", "1"},
    {"OfxImageEffectPropSupportedComponents", "", nullptr},
    {"OfxImageEffectPropSupportedPixelDepths", "", nullptr},
    {"OfxImageEffectPropSupportedContexts", "", nullptr},
    {"OfxImageEffectPropMultipleClipDepths", "", "0"},
    {"OfxImageEffectPropSupportsMultipleClipPARs", "", "0"},
    {"OfxImageEffectPropSetableFrameRate", "", "0"},
    {"OfxImageEffectPropSetableFielding", "", "0"},
    {"OfxParamHostPropSupportsCustomInteract", "", "0"},
    {"OfxParamHostPropSupportsStringAnimation", "", "1"},
    {"OfxParamHostPropSupportsChoiceAnimation", "", "1"},
    {"OfxParamHostPropSupportsBooleanAnimation", "", "1"},
    {"OfxParamHostPropSupportsCustomAnimation", "", "0"},
    {"OfxParamHostPropSupportsParametricAnimation", "", "0"},
    {"OfxParamHostPropSupportsStrChoice", "", "0"},
    {"OfxParamHostPropSupportsStrChoiceAnimation", "", "0"},
    {"OfxParamHostPropMaxParameters", "", "-1"},
    {"OfxParamHostPropMaxPages", "", "0"},
    {"OfxParamHostPropPageRowColumnCount", "", "0 0"},
    {"OfxPropHostOSHandle", "", nullptr},
    {"OfxImageEffectInstancePropSequentialRender", "", "0"},
    {"OfxImageEffectPropOpenGLRenderSupported", "", "false"},
    {"OfxImageEffectPropCPURenderSupported", "", "true"},
    {"OfxImageEffectPropCudaRenderSupported", "", "false"},
    {"OfxImageEffectPropMetalRenderSupported", "", "false"},
    {"OfxImageEffectPropOpenCLRenderSupported", "", "false"},
    {"OfxImageEffectPropOpenCLSupported", "", "false"},
    {"OfxImageEffectPropRenderQualityDraft", "", "0"},
    {"OfxImageEffectHostPropNativeOrigin", "", "kOfxImageEffectHostPropNativeOriginBottomLeft"},
    {"OfxImageEffectPropColourManagementAvailableConfigs", "", nullptr},
    {"OfxImageEffectPropColourManagementStyle", "", nullptr},
};

const Fields kEffect = {
    {"OfxPropType", "", "OfxTypeImageEffect"},
    {"OfxPropLabel", "d", ""},
    {"OfxPropShortLabel", "d", ""},
    {"OfxPropLongLabel", "d", ""},
    {"OfxPropVersion", "d", nullptr},
    {"OfxPropVersionLabel", "d", ""},
    {"OfxPropPluginDescription", "d", ""},
    {"OfxPropIcon", "d", nullptr},
    {"OfxImageEffectPropSupportedContexts", "d", nullptr},
    {"OfxImageEffectPluginPropGrouping", "d", ""},
    {"OfxImageEffectPluginPropObsolete", "d", "0"},
    {"OfxImageEffectPluginPropSingleInstance", "d", "0"},
    {"OfxImageEffectPluginRenderThreadSafety", "d", "OfxImageEffectRenderInstanceSafe"},
    {"OfxImageEffectPluginPropHostFrameThreading", "d", "0"},
    {"OfxImageEffectPluginPropOverlayInteractV1", "d", nullptr},
    {"OfxImageEffectPluginPropOverlayInteractV2", "d", nullptr},
    {"OfxImageEffectPropSupportsMultiResolution", "d", "1"},
    {"OfxImageEffectPropSupportsTiles", "d", "1"},
    {"OfxImageEffectPropTemporalClipAccess", "d", "0"},
    {"OfxImageEffectPropSupportedPixelDepths", "d", nullptr},
    {"OfxImageEffectPluginPropFieldRenderTwiceAlways", "d", "1"},
    {"OfxImageEffectPropMultipleClipDepths", "d", "0"},
    {"OfxImageEffectPropSupportsMultipleClipPARs", "d", "0"},
    {"OfxImageEffectPropClipPreferencesSlaveParam", "d", nullptr},
    {"OfxImageEffectInstancePropSequentialRender", "d", "0"},
    {"OfxImageEffectPropOpenGLRenderSupported", "d", "false"},
    {"OfxOpenGLPropPixelDepth", "d", nullptr},
    {"OfxImageEffectPropCudaRenderSupported", "d", "false"},
    {"OfxImageEffectPropCudaStreamSupported", "d", "false"},
    {"OfxImageEffectPropMetalRenderSupported", "d", "false"},
    {"OfxImageEffectPropOpenCLRenderSupported", "d", "false"},
    {"OfxImageEffectPropOpenCLSupported", "d", "false"},
    {"OfxImageEffectPropCPURenderSupported", "d", "true"},
    {"OfxImageEffectPropNoSpatialAwareness", "d", "false"},
    {"OfxImageEffectPropColourManagementStyle", "d", "OfxImageEffectColourManagementNone"},
    {"OfxImageEffectPropColourManagementAvailableConfigs", "d", nullptr},
    {"OfxPluginPropFilePath", "", nullptr},
};

const Fields kInstance = {
    {"OfxPropType", "", "OfxTypeImageEffectInstance"},
    {"OfxImageEffectPropContext", "", nullptr},
    {"OfxPropInstanceData", "i", nullptr},
    {"OfxImageEffectPropPluginHandle", "", nullptr},
    {"OfxImageEffectPropProjectSize", "", nullptr},
    {"OfxImageEffectPropProjectOffset", "", nullptr},
    {"OfxImageEffectPropProjectExtent", "", nullptr},
    {"OfxImageEffectPropPixelAspectRatio", "", nullptr},
    {"OfxImageEffectInstancePropEffectDuration", "", nullptr},
    {"OfxImageEffectInstancePropSequentialRender", "i", "0"},
    {"OfxImageEffectPropSupportsTiles", "i", "1"},
    {"OfxImageEffectPropOpenGLRenderSupported", "i", "false"},
    {"OfxImageEffectPropFrameRate", "", nullptr},
    {"OfxPropIsInteractive", "", "0"},
    {"OfxImageEffectPropOCIOConfig", "", nullptr},
    {"OfxImageEffectPropOCIODisplay", "", nullptr},
    {"OfxImageEffectPropOCIOView", "", nullptr},
    {"OfxImageEffectPropColourManagementConfig", "", nullptr},
    {"OfxImageEffectPropColourManagementStyle", "", nullptr},
    {"OfxImageEffectPropDisplayColourspace", "", nullptr},
};

const Fields kClip = {
    {"OfxPropType", "", "OfxTypeClip"},
    {"OfxPropName", "", nullptr},
    {"OfxPropLabel", "d", ""},
    {"OfxPropShortLabel", "d", ""},
    {"OfxPropLongLabel", "d", ""},
    {"OfxImageEffectPropSupportedComponents", "d", nullptr},
    {"OfxImageEffectPropTemporalClipAccess", "d", "0"},
    {"OfxImageClipPropOptional", "d", "0"},
    {"OfxImageClipPropFieldExtraction", "d", "OfxFieldDoubled"},
    {"OfxImageClipPropIsMask", "d", "0"},
    {"OfxImageEffectPropSupportsTiles", "d", "1"},
    {"OfxImageClipPropColourspace", "", nullptr},
    {"OfxImageClipPropPreferredColourspaces", "d", nullptr},
    {"OfxImageEffectPropPixelDepth", "", nullptr},
    {"OfxImageEffectPropComponents", "", nullptr},
    {"OfxImageClipPropUnmappedPixelDepth", "", nullptr},
    {"OfxImageClipPropUnmappedComponents", "", nullptr},
    {"OfxImageEffectPropPreMultiplication", "", nullptr},
    {"OfxImagePropPixelAspectRatio", "", nullptr},
    {"OfxImageEffectPropFrameRate", "", nullptr},
    {"OfxImageEffectPropFrameRange", "", nullptr},
    {"OfxImageClipPropFieldOrder", "", nullptr},
    {"OfxImageClipPropConnected", "", nullptr},
    {"OfxImageEffectPropUnmappedFrameRange", "", nullptr},
    {"OfxImageEffectPropUnmappedFrameRate", "", nullptr},
    {"OfxImageClipPropContinuousSamples", "", nullptr},
};

const Fields kImage = {
    {"OfxPropType", "", "OfxTypeImage"},
    {"OfxImageEffectPropPixelDepth", "", nullptr},
    {"OfxImageEffectPropComponents", "", nullptr},
    {"OfxImageEffectPropPreMultiplication", "", nullptr},
    {"OfxImageEffectPropRenderScale", "", nullptr},
    {"OfxImagePropPixelAspectRatio", "", nullptr},
    {"OfxImagePropData", "", nullptr},
    {"OfxImagePropBounds", "", nullptr},
    {"OfxImagePropRegionOfDefinition", "", nullptr},
    {"OfxImagePropRowBytes", "", nullptr},
    {"OfxImagePropField", "", "OfxFieldNone"},
    {"OfxImagePropUniqueIdentifier", "", nullptr},
    {"OfxImageClipPropColourspace", "", nullptr},
};

const Fields kParamSet = {
    {"OfxPropParamSetNeedsSyncing", "di", "0"},
    {"OfxPluginPropParamPageOrder", "d", nullptr},
};

const Fields kAnyParam = {
    {"OfxPropType", "", "OfxTypeParameter"},
    {"OfxPropName", "", nullptr},
    {"OfxParamPropType", "", nullptr},
    {"OfxPropLabel", "di", nullptr},
    {"OfxPropShortLabel", "di", nullptr},
    {"OfxPropLongLabel", "di", nullptr},
    {"OfxParamPropSecret", "di", "0"},
    {"OfxParamPropHint", "di", ""},
    {"OfxParamPropScriptName", "d", nullptr},
    {"OfxParamPropParent", "d", ""},
    {"OfxParamPropEnabled", "di", "1"},
    {"OfxParamPropDataPtr", "di", nullptr},
    {"OfxPropIcon", "d", nullptr},
};

const Fields kValueParam = {
    {"OfxParamPropDefault", "di", nullptr},
    {"OfxParamPropAnimates", "d", "1"},
    {"OfxParamPropIsAnimating", "", "0"},
    {"OfxParamPropIsAutoKeying", "", "0"},
    {"OfxParamPropPersistant", "d", "1"},
    {"OfxParamPropEvaluateOnChange", "di", "1"},
    {"OfxParamPropPluginMayWrite", "d", "0"},
    {"OfxParamPropCacheInvalidation", "d", "OfxParamInvalidateValueChange"},
    {"OfxParamPropCanUndo", "d", "1"},
    {"OfxParamPropHasHostOverlayHandle", "", "0"},
    {"kOfxParamPropUseHostOverlayHandle", "d", "0"},
    {"OfxParamPropInteractV1", "d", nullptr},
    {"OfxParamPropInteractSize", "", nullptr},
    {"OfxParamPropInteractSizeAspect", "d", "1"},
    {"OfxParamPropInteractMinimumSize", "d", "10 10"},
    {"OfxParamPropInteractPreferedSize", "d", "10 10"},
};

const Fields kNumberParam = {
    {"OfxParamPropMin", "di", nullptr},
    {"OfxParamPropMax", "di", nullptr},
    {"OfxParamPropDisplayMin", "di", nullptr},
    {"OfxParamPropDisplayMax", "di", nullptr},
};

const Fields kDoubleParam = {
    {"OfxParamPropIncrement", "di", "1"},
    {"OfxParamPropDigits", "di", "2"},
    {"OfxParamPropDoubleType", "d", "OfxParamDoubleTypePlain"},
    {"OfxParamPropDefaultCoordinateSystem", "d", "OfxParamCoordinatesCanonical"},
    {"OfxParamPropShowTimeMarker", "d", "0"},
};

const Fields kSeveralParam = {{"OfxParamPropDimensionLabel", "d", nullptr}};
const Fields kStringParam = {
    {"OfxParamPropStringMode", "d", "OfxParamStringIsSingleLine"},
    {"OfxParamPropStringFilePathExists", "d", "1"},
};
const Fields kChoiceParam = {
    {"OfxParamPropChoiceOption", "di", nullptr},
    {"OfxParamPropChoiceOrder", "di", nullptr},
};
const Fields kStrChoiceParam = {{"OfxParamPropChoiceEnum", "di", nullptr}};
const Fields kCustomParam = {{"OfxParamPropCustomCallbackV1", "d", nullptr}};
const Fields kGroupParam = {{"OfxParamPropGroupOpen", "di", "1"}};
const Fields kPageParam = {{"OfxParamPropPageChild", "d", nullptr}};

void append(Fields &to, const Fields &more) { to.insert(to.end(), more.begin(), more.end()); }

}  // namespace

const char *label(SetKind kind) {
  static const char *const labels[] = {"host",  "effect descriptor", "effect instance", "clip",
                                       "image", "parameter set",     "parameter",       "action arguments"};
  return labels[static_cast<int>(kind)];
}

Fields fieldsOf(SetKind kind) {
  static const Fields none;
  static const Fields *const tables[] = {&kHost, &kEffect, &kInstance, &kClip, &kImage, &kParamSet, &none, &none};
  return *tables[static_cast<int>(kind)];
}

Fields fieldsOfParam(const std::string &name) {
  Fields fields = kAnyParam;
  const ParamType *type = findParamType(name);
  if (!type) return fields;
  if (type->dimension > 0) append(fields, kValueParam);
  if (type->bounded) append(fields, kNumberParam);
  if (type->type == Type::Double) append(fields, kDoubleParam);
  if (type->dimension > 1) append(fields, kSeveralParam);
  static const struct {
    const char *type;
    const Fields *fields;
  } special[] = {
      {"OfxParamTypeString", &kStringParam},    {"OfxParamTypeChoice", &kChoiceParam},
      {"OfxParamTypeStrChoice", &kChoiceParam}, {"OfxParamTypeStrChoice", &kStrChoiceParam},
      {"OfxParamTypeCustom", &kCustomParam},    {"OfxParamTypeGroup", &kGroupParam},
      {"OfxParamTypePage", &kPageParam},
  };
  for (const auto &row : special)
    if (name == row.type) append(fields, *row.fields);
  return fields;
}

}  // namespace ofxhost
