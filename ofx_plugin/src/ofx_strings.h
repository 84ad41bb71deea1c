// The strings of OpenFX 1.5.1 that this plug-in uses; each name is the official constant's without its kOfx.
//
// A list of macros, so that `abi_check` can walk it: 28 of OpenFX's strings are not what their constant says.
#pragma once

// clang-format off
#define ONELIGHT_OFX_STRINGS(X) \
  /* Suites and kinds of object */ \
  X(ImageEffectPluginApi, "OfxImageEffectPluginAPI") \
  X(PropertySuite, "OfxPropertySuite") \
  X(ImageEffectSuite, "OfxImageEffectSuite") \
  X(ParameterSuite, "OfxParameterSuite") \
  X(MessageSuite, "OfxMessageSuite") \
  X(ProgressSuite, "OfxProgressSuite") \
  X(TypeParameter, "OfxTypeParameter") \
  X(TypeClip, "OfxTypeClip") \
  /* Actions */ \
  X(ActionLoad, "OfxActionLoad") \
  X(ActionUnload, "OfxActionUnload") \
  X(ActionDescribe, "OfxActionDescribe") \
  X(ActionPurgeCaches, "OfxActionPurgeCaches") \
  X(ActionSyncPrivateData, "OfxActionSyncPrivateData") \
  X(ActionCreateInstance, "OfxActionCreateInstance") \
  X(ActionDestroyInstance, "OfxActionDestroyInstance") \
  X(ActionInstanceChanged, "OfxActionInstanceChanged") \
  X(ImageEffectActionDescribeInContext, "OfxImageEffectActionDescribeInContext") \
  X(ImageEffectActionGetRegionOfDefinition, "OfxImageEffectActionGetRegionOfDefinition") \
  X(ImageEffectActionGetRegionsOfInterest, "OfxImageEffectActionGetRegionsOfInterest") \
  X(ImageEffectActionGetFramesNeeded, "OfxImageEffectActionGetFramesNeeded") \
  X(ImageEffectActionGetClipPreferences, "OfxImageEffectActionGetClipPreferences") \
  X(ImageEffectActionIsIdentity, "OfxImageEffectActionIsIdentity") \
  X(ImageEffectActionRender, "OfxImageEffectActionRender") \
  X(ImageEffectActionBeginSequenceRender, "OfxImageEffectActionBeginSequenceRender") \
  X(ImageEffectActionEndSequenceRender, "OfxImageEffectActionEndSequenceRender") \
  X(ImageEffectActionGetOutputColourspace, "OfxImageEffectActionGetOutputColourspace") \
  /* Any object */ \
  X(PropName, "OfxPropName") \
  X(PropLabel, "OfxPropLabel") \
  X(PropShortLabel, "OfxPropShortLabel") \
  X(PropLongLabel, "OfxPropLongLabel") \
  X(PropPluginDescription, "OfxPropPluginDescription") \
  X(PropVersion, "OfxPropVersion") \
  X(PropTime, "OfxPropTime") \
  X(PropChangeReason, "OfxPropChangeReason") \
  X(PropType, "OfxPropType") \
  X(PropInstanceData, "OfxPropInstanceData") \
  X(PropIsInteractive, "OfxPropIsInteractive") \
  X(ChangeUserEdited, "OfxChangeUserEdited") \
  /* Host and effect */ \
  X(PluginPropFilePath, "OfxPluginPropFilePath") \
  X(ImageEffectHostPropIsBackground, "OfxImageEffectHostPropIsBackground") \
  X(ImageEffectPluginPropGrouping, "OfxImageEffectPluginPropGrouping") \
  X(ImageEffectPluginRenderThreadSafety, "OfxImageEffectPluginRenderThreadSafety") \
  X(ImageEffectRenderFullySafe, "OfxImageEffectRenderFullySafe") \
  X(ImageEffectPluginPropHostFrameThreading, "OfxImageEffectPluginPropHostFrameThreading") \
  X(ImageEffectPluginPropSingleInstance, "OfxImageEffectPluginPropSingleInstance") \
  X(ImageEffectPluginPropFieldRenderTwiceAlways, "OfxImageEffectPluginPropFieldRenderTwiceAlways") \
  X(ImageEffectPropSupportedContexts, "OfxImageEffectPropSupportedContexts") \
  X(ImageEffectContextFilter, "OfxImageEffectContextFilter") \
  X(ImageEffectContextGeneral, "OfxImageEffectContextGeneral") \
  X(ImageEffectPropContext, "OfxImageEffectPropContext") \
  X(ImageEffectPropSupportedPixelDepths, "OfxImageEffectPropSupportedPixelDepths") \
  X(ImageEffectPropSupportsMultipleClipDepths, "OfxImageEffectPropMultipleClipDepths") \
  X(ImageEffectPropSupportsMultipleClipPARs, "OfxImageEffectPropSupportsMultipleClipPARs") \
  X(ImageEffectPropSupportsMultiResolution, "OfxImageEffectPropSupportsMultiResolution") \
  X(ImageEffectPropSupportsTiles, "OfxImageEffectPropSupportsTiles") \
  X(ImageEffectPropTemporalClipAccess, "OfxImageEffectPropTemporalClipAccess") \
  X(ImageEffectPropProjectSize, "OfxImageEffectPropProjectSize") \
  X(ImageEffectPropProjectOffset, "OfxImageEffectPropProjectOffset") \
  X(ImageEffectPropColourManagementStyle, "OfxImageEffectPropColourManagementStyle") \
  X(ImageEffectPropColourManagementAvailableConfigs, "OfxImageEffectPropColourManagementAvailableConfigs") \
  X(ImageEffectColourManagementNone, "OfxImageEffectColourManagementNone") \
  X(ImageEffectColourManagementFull, "OfxImageEffectColourManagementFull") \
  /* Clips and images */ \
  X(ImageEffectOutputClipName, "Output") \
  X(ImageEffectSimpleSourceClipName, "Source") \
  X(ImageEffectPropSupportedComponents, "OfxImageEffectPropSupportedComponents") \
  X(ImageComponentNone, "OfxImageComponentNone") \
  X(ImageComponentRGBA, "OfxImageComponentRGBA") \
  X(ImageComponentRGB, "OfxImageComponentRGB") \
  X(ImageComponentAlpha, "OfxImageComponentAlpha") \
  X(BitDepthNone, "OfxBitDepthNone") \
  X(BitDepthByte, "OfxBitDepthByte") \
  X(BitDepthShort, "OfxBitDepthShort") \
  X(BitDepthHalf, "OfxBitDepthHalf") \
  X(BitDepthFloat, "OfxBitDepthFloat") \
  X(ImageClipPropOptional, "OfxImageClipPropOptional") \
  X(ImageClipPropIsMask, "OfxImageClipPropIsMask") \
  X(ImageClipPropConnected, "OfxImageClipPropConnected") \
  X(ImageClipPropColourspace, "OfxImageClipPropColourspace") \
  X(ImageEffectPropComponents, "OfxImageEffectPropComponents") \
  X(ImageEffectPropPixelDepth, "OfxImageEffectPropPixelDepth") \
  X(ImageEffectPropPreMultiplication, "OfxImageEffectPropPreMultiplication") \
  X(ImageEffectPropFrameRange, "OfxImageEffectPropFrameRange") \
  X(ImagePropData, "OfxImagePropData") \
  X(ImagePropBounds, "OfxImagePropBounds") \
  X(ImagePropRegionOfDefinition, "OfxImagePropRegionOfDefinition") \
  X(ImagePropRowBytes, "OfxImagePropRowBytes") \
  X(ImagePropPixelAspectRatio, "OfxImagePropPixelAspectRatio") \
  /* Arguments of actions */ \
  X(ImageEffectPropRenderScale, "OfxImageEffectPropRenderScale") \
  X(ImageEffectPropRenderWindow, "OfxImageEffectPropRenderWindow") \
  X(ImageEffectPropRegionOfDefinition, "OfxImageEffectPropRegionOfDefinition") \
  X(ImageEffectPropInteractiveRenderStatus, "OfxImageEffectPropInteractiveRenderStatus") \
  X(ImageEffectFrameVarying, "OfxImageEffectFrameVarying") \
  /* Parameters */ \
  X(ParamTypeInteger, "OfxParamTypeInteger") \
  X(ParamTypeDouble, "OfxParamTypeDouble") \
  X(ParamTypeBoolean, "OfxParamTypeBoolean") \
  X(ParamTypeChoice, "OfxParamTypeChoice") \
  X(ParamTypeRGB, "OfxParamTypeRGB") \
  X(ParamTypeString, "OfxParamTypeString") \
  X(ParamTypeGroup, "OfxParamTypeGroup") \
  X(ParamTypePage, "OfxParamTypePage") \
  X(ParamTypePushButton, "OfxParamTypePushButton") \
  X(ParamHostPropSupportsBooleanAnimation, "OfxParamHostPropSupportsBooleanAnimation") \
  X(ParamHostPropSupportsChoiceAnimation, "OfxParamHostPropSupportsChoiceAnimation") \
  X(ParamPropAnimates, "OfxParamPropAnimates") \
  X(ParamPropChoiceOption, "OfxParamPropChoiceOption") \
  X(ParamPropDefault, "OfxParamPropDefault") \
  X(ParamPropDigits, "OfxParamPropDigits") \
  X(ParamPropDisplayMax, "OfxParamPropDisplayMax") \
  X(ParamPropDisplayMin, "OfxParamPropDisplayMin") \
  X(ParamPropDoubleType, "OfxParamPropDoubleType") \
  X(ParamDoubleTypeAngle, "OfxParamDoubleTypeAngle") \
  X(ParamDoubleTypePlain, "OfxParamDoubleTypePlain") \
  X(ParamPropEvaluateOnChange, "OfxParamPropEvaluateOnChange") \
  X(ParamPropGroupOpen, "OfxParamPropGroupOpen") \
  X(ParamPropHint, "OfxParamPropHint") \
  X(ParamPropIncrement, "OfxParamPropIncrement") \
  X(ParamPropMax, "OfxParamPropMax") \
  X(ParamPropMin, "OfxParamPropMin") \
  X(ParamPropPageChild, "OfxParamPropPageChild") \
  X(ParamPropParent, "OfxParamPropParent") \
  X(ParamPropPluginMayWrite, "OfxParamPropPluginMayWrite") \
  X(ParamPropCanUndo, "OfxParamPropCanUndo") \
  X(ParamPropEnabled, "OfxParamPropEnabled") \
  X(ParamPropSecret, "OfxParamPropSecret") \
  X(ParamPropStringMode, "OfxParamPropStringMode") \
  X(ParamStringIsSingleLine, "OfxParamStringIsSingleLine") \
  X(ParamStringIsFilePath, "OfxParamStringIsFilePath") \
  X(ParamStringIsLabel, "OfxParamStringIsLabel") \
  X(PluginPropParamPageOrder, "OfxPluginPropParamPageOrder") \
  /* Messages */ \
  X(MessageError, "OfxMessageError") \
  X(MessageWarning, "OfxMessageWarning")
// clang-format on

namespace ofx {

#define ONELIGHT_OFX_STRING(name, value) inline constexpr char name[] = value;
ONELIGHT_OFX_STRINGS(ONELIGHT_OFX_STRING)
#undef ONELIGHT_OFX_STRING

// Answers that hold for one clip are named with a prefix and the clip's name; they have no official constant.
inline constexpr char ClipComponents_[] = "OfxImageClipPropComponents_";
inline constexpr char ClipDepth_[] = "OfxImageClipPropDepth_";
inline constexpr char ClipRegionOfInterest_[] = "OfxImageClipPropRoI_";
inline constexpr char ClipFrameRange_[] = "OfxImageClipPropFrameRange_";

}  // namespace ofx
