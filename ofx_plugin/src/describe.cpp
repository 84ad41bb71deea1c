#include "describe.h"

#include "params.h"

namespace onelight {
namespace {

Properties effect_properties(const Suites &suites, ofx::Effect effect) {
  ofx::PropertySet properties = nullptr;
  if (suites.effects->getPropertySet(effect, &properties) != ofx::StatOK) {
    throw Refused(ofx::StatErrBadHandle, "The host gives no properties to describe into");
  }
  return Properties(suites, properties);
}

Properties define_clip(const Suites &suites, ofx::Effect effect, const char *name) {
  ofx::PropertySet properties = nullptr;
  const ofx::Status status = suites.effects->clipDefine(effect, name, &properties);
  if (status != ofx::StatOK || !properties)
    throw Refused(status, std::string("The host does not take the clip ") + name);
  return Properties(suites, properties);
}

}  // namespace

ofx::Status describe(const Suites &suites, const table::Tool &tool, ofx::Effect effect) {
  const Properties properties = effect_properties(suites, effect);
  for (const char *label : {ofx::PropLabel, ofx::PropShortLabel, ofx::PropLongLabel}) properties.set(label, tool.label);
  properties.set(ofx::PropPluginDescription, tool.hint);
  properties.set(ofx::PropVersion, 1, 0);
  properties.set(ofx::PropVersion, tool.version, 1);
  properties.set(ofx::ImageEffectPluginPropGrouping, "Onelight");
  // Natron takes General where both are offered, MLT knows Filter only; they behave the same.
  properties.set_list(ofx::ImageEffectPropSupportedContexts,
                      {ofx::ImageEffectContextFilter, ofx::ImageEffectContextGeneral});
  properties.set_list(ofx::ImageEffectPropSupportedPixelDepths,
                      {ofx::BitDepthFloat, ofx::BitDepthHalf, ofx::BitDepthShort, ofx::BitDepthByte});
  properties.set(ofx::ImageEffectPluginPropSingleInstance, 0);
  properties.set(ofx::ImageEffectPluginRenderThreadSafety, ofx::ImageEffectRenderFullySafe);
  properties.set(ofx::ImageEffectPluginPropHostFrameThreading, 0);
  properties.set(ofx::ImageEffectPropSupportsMultiResolution, 1);
  properties.set(ofx::ImageEffectPropSupportsTiles, 0);
  properties.set(ofx::ImageEffectPropTemporalClipAccess, 1);  // Analyse looks at other frames of the shot
  properties.set(ofx::ImageEffectPluginPropFieldRenderTwiceAlways, 0);
  properties.set(ofx::ImageEffectPropSupportsMultipleClipDepths, 0);
  properties.set(ofx::ImageEffectPropSupportsMultipleClipPARs, 0);
  if (suites.colour_managed) {
    // Full: any space of the native config may be the Source's; the server converts by name.
    properties.set(ofx::ImageEffectPropColourManagementStyle, ofx::ImageEffectColourManagementFull);
    properties.set(ofx::ImageEffectPropColourManagementAvailableConfigs, "ofx-native-v1.5_aces-v1.3_ocio-v2.3");
  }
  return ofx::StatOK;
}

ofx::Status describe_in_context(const Suites &suites, const table::Tool &tool, ofx::Effect effect) {
  for (const table::Clip &clip : tool.clips) {
    const Properties properties = define_clip(suites, effect, clip.name);
    for (const char *label : {ofx::PropLabel, ofx::PropShortLabel, ofx::PropLongLabel})
      properties.set(label, clip.label);
    if (clip.mask) {
      properties.set_list(ofx::ImageEffectPropSupportedComponents, {ofx::ImageComponentAlpha, ofx::ImageComponentRGBA});
    } else if (clip.data) {
      properties.set_list(ofx::ImageEffectPropSupportedComponents,
                          {ofx::ImageComponentRGBA, ofx::ImageComponentRGB, ofx::ImageComponentAlpha});
    } else {
      properties.set_list(ofx::ImageEffectPropSupportedComponents, {ofx::ImageComponentRGBA, ofx::ImageComponentRGB});
    }
    properties.set(ofx::ImageClipPropOptional, int(clip.optional));
    properties.set(ofx::ImageClipPropIsMask, int(clip.mask));
    properties.set(ofx::ImageEffectPropTemporalClipAccess, int(!clip.mask));
    properties.set(ofx::ImageEffectPropSupportsTiles, 0);
  }
  const Properties output = define_clip(suites, effect, ofx::ImageEffectOutputClipName);
  output.set_list(ofx::ImageEffectPropSupportedComponents, {ofx::ImageComponentRGBA, ofx::ImageComponentRGB});
  output.set(ofx::ImageEffectPropSupportsTiles, 0);

  ofx::ParamSet params = nullptr;
  if (suites.effects->getParamSet(effect, &params) != ofx::StatOK) {
    throw Refused(ofx::StatErrBadHandle, "The host gives no parameter set to describe into");
  }
  define_params(suites, tool, params);
  return ofx::StatOK;
}

}  // namespace onelight
