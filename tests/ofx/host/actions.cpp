// The arguments of each action and the types of parameters, as data.
//
// Facts of the OpenFX 1.5.1 API. The answers of IsIdentity and the per-clip answers (a prefix and the clip's name)
// stand in the API's prose and are spelled out here.
#include <sstream>
#include <unordered_map>

#include "facts.h"

namespace ofxhost {
namespace {

const char *const kGpu =
    " OfxImageEffectPropCudaEnabled OfxImageEffectPropCudaRenderSupported OfxImageEffectPropCudaStream"
    " OfxImageEffectPropCudaStreamSupported OfxImageEffectPropMetalCommandQueue OfxImageEffectPropMetalEnabled"
    " OfxImageEffectPropMetalRenderSupported OfxImageEffectPropOpenCLCommandQueue OfxImageEffectPropOpenCLEnabled"
    " OfxImageEffectPropOpenCLImage OfxImageEffectPropOpenCLRenderSupported OfxImageEffectPropOpenCLSupported"
    " OfxImageEffectPropOpenGLEnabled OfxImageEffectPropOpenGLTextureIndex OfxImageEffectPropOpenGLTextureTarget"
    " OfxImageEffectPropNoSpatialAwareness OfxImageEffectPropThumbnailRender"
    " OfxImageEffectPropSequentialRenderStatus OfxImageEffectPropInteractiveRenderStatus"
    " OfxImageEffectPropRenderScale ";
const char *const kSequence = " OfxImageEffectPropFrameRange OfxImageEffectPropFrameStep OfxPropIsInteractive";

struct Row {
  const char *name;
  std::string in;
  const char *out;
};

const std::vector<Row> &rows() {
  static const std::vector<Row> table = {
      {"OfxActionLoad", "", ""},
      {"OfxActionDescribe", "", ""},
      {"OfxActionUnload", "", ""},
      {"OfxActionPurgeCaches", "", ""},
      {"OfxActionSyncPrivateData", "", ""},
      {"OfxActionCreateInstance", "", ""},
      {"OfxActionDestroyInstance", "", ""},
      {"OfxActionInstanceChanged",
       "OfxPropType OfxPropName OfxPropChangeReason OfxPropTime OfxImageEffectPropRenderScale"
       " OfxImageEffectPropThumbnailRender",
       ""},
      {"OfxActionBeginInstanceChanged", "OfxPropChangeReason OfxImageEffectPropThumbnailRender", ""},
      {"OfxActionEndInstanceChanged", "OfxPropChangeReason", ""},
      {"OfxActionBeginInstanceEdit", "", ""},
      {"OfxActionEndInstanceEdit", "", ""},
      {"OfxImageEffectActionDescribeInContext", "OfxImageEffectPropContext", ""},
      {"OfxImageEffectActionGetRegionOfDefinition",
       "OfxPropTime OfxImageEffectPropRenderScale OfxImageEffectPropThumbnailRender",
       "OfxImageEffectPropRegionOfDefinition"},
      {"OfxImageEffectActionGetRegionsOfInterest",
       "OfxPropTime OfxImageEffectPropRenderScale OfxImageEffectPropRegionOfInterest"
       " OfxImageEffectPropThumbnailRender",
       "OfxImageClipPropRoI_"},
      {"OfxImageEffectActionGetTimeDomain", "", "OfxImageEffectPropFrameRange"},
      {"OfxImageEffectActionGetFramesNeeded", "OfxPropTime OfxImageEffectPropThumbnailRender",
       "OfxImageClipPropFrameRange_"},
      {"OfxImageEffectActionGetClipPreferences", "",
       "OfxImageEffectPropFrameRate OfxImageClipPropFieldOrder OfxImageEffectPropPreMultiplication"
       " OfxImageClipPropContinuousSamples OfxImageEffectFrameVarying OfxImageClipPropComponents_"
       " OfxImageClipPropDepth_ OfxImageClipPropPAR_ OfxImageClipPropPreferredColourspaces_"},
      {"OfxImageEffectActionIsIdentity",
       "OfxPropTime OfxImageEffectPropFieldToRender OfxImageEffectPropRenderWindow OfxImageEffectPropRenderScale"
       " OfxImageEffectPropThumbnailRender",
       "OfxPropName OfxPropTime"},
      {"OfxImageEffectActionRender",
       std::string("OfxPropTime OfxImageEffectPropFieldToRender OfxImageEffectPropRenderWindow"
                   " OfxImageEffectPropRenderQualityDraft") +
           kGpu,
       ""},
      {"OfxImageEffectActionBeginSequenceRender", std::string(kSequence) + kGpu, ""},
      {"OfxImageEffectActionEndSequenceRender", std::string(kSequence) + kGpu, ""},
      {"OfxImageEffectActionGetOutputColourspace", "OfxImageClipPropPreferredColourspaces",
       "OfxImageClipPropColourspace"},
  };
  return table;
}

std::vector<std::string> words(const std::string &text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

const ParamType kParamTypes[] = {
    // name, type, dimension, keyframes interpolate, has a minimum and maximum
    {"OfxParamTypeInteger", Type::Int, 1, true, true},
    {"OfxParamTypeInteger2D", Type::Int, 2, true, true},
    {"OfxParamTypeInteger3D", Type::Int, 3, true, true},
    {"OfxParamTypeDouble", Type::Double, 1, true, true},
    {"OfxParamTypeDouble2D", Type::Double, 2, true, true},
    {"OfxParamTypeDouble3D", Type::Double, 3, true, true},
    {"OfxParamTypeRGB", Type::Double, 3, true, true},
    {"OfxParamTypeRGBA", Type::Double, 4, true, true},
    {"OfxParamTypeBoolean", Type::Int, 1, false, false},
    {"OfxParamTypeChoice", Type::Int, 1, false, false},
    {"OfxParamTypeStrChoice", Type::String, 1, false, false},
    {"OfxParamTypeString", Type::String, 1, false, false},
    {"OfxParamTypeCustom", Type::String, 1, false, false},
    {"OfxParamTypeGroup", Type::Pointer, 0, false, false},
    {"OfxParamTypePage", Type::Pointer, 0, false, false},
    {"OfxParamTypePushButton", Type::Pointer, 0, false, false},
};

}  // namespace

const ParamType *findParamType(const std::string &name) {
  for (const auto &type : kParamTypes)
    if (name == type.name) return &type;
  return nullptr;
}

const ActionFact *findAction(const std::string &name) {
  static const auto *index = [] {
    auto *map = new std::unordered_map<std::string, ActionFact>;
    for (const auto &row : rows()) (*map)[row.name] = {row.name, words(row.in), words(row.out)};
    return map;
  }();
  auto it = index->find(name);
  return it == index->end() ? nullptr : &it->second;
}

}  // namespace ofxhost
