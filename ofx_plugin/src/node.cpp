// A node and its answers to a host's questions.
#include "node.h"

#include <algorithm>
#include <cmath>

#include "around.h"

namespace onelight {
namespace {

ofx::PropertySet properties_of(const Suites &suites, ofx::Effect effect) {
  ofx::PropertySet properties = nullptr;
  if (suites.effects->getPropertySet(effect, &properties) != ofx::StatOK) {
    throw Refused(ofx::StatErrBadHandle, "The host gives no properties for this node");
  }
  return properties;
}

void put(const Properties &out, const std::string &name, const ofx::RectD &r) {
  const double sides[] = {r.x1, r.y1, r.x2, r.y2};
  for (int i = 0; i < 4; ++i) out.set(name.c_str(), sides[i], i);
}

}  // namespace

Node::Node(const Suites &suites, const table::Tool &tool, ofx::Effect effect)
    : suites_(suites),
      tool_(tool),
      effect_(effect),
      properties_(suites, properties_of(suites, effect)),
      params_(suites, tool, effect),
      output_(suites, effect, ofx::ImageEffectOutputClipName),
      messages_(suites, effect) {
  for (const table::Clip &clip : tool.clips) clips_.emplace_back(suites, effect, clip.name);
}

const Clip &Node::clip(const std::string &name) const {
  return *std::find_if(clips_.begin(), clips_.end(), [&](const Clip &clip) { return clip.name() == name; });
}

// From the action, never from an image: Resolve says 1 there and Fusion the inverse.
Node::Scale Node::scale_of(const Properties &in) {
  const auto sane = [](double scale) { return std::isfinite(scale) && scale > 0 ? scale : 1.0; };
  return {sane(in.number(ofx::ImageEffectPropRenderScale, 1, 0)),
          sane(in.number(ofx::ImageEffectPropRenderScale, 1, 1))};
}

ofx::Status Node::region_of_definition(const Properties &in, const Properties &out) const {
  ofx::RectD region{};
  const Clip &source = clip(ofx::ImageEffectSimpleSourceClipName);
  if (!source.connected() || !source.region_of_definition(in.number(ofx::PropTime), &region)) {
    return ofx::StatReplyDefault;
  }
  put(out, ofx::ImageEffectPropRegionOfDefinition, region);
  return ofx::StatOK;
}

// Whole clips: estimation looks at the whole picture, and the render window only crops the answer.
ofx::Status Node::regions_of_interest(const Properties &in, const Properties &out) const {
  for (const Clip &clip : clips_) {
    ofx::RectD region{};
    if (!clip.connected() || !clip.region_of_definition(in.number(ofx::PropTime), &region)) continue;
    if (region.x1 < region.x2 && region.y1 < region.y2) put(out, ofx::ClipRegionOfInterest_ + clip.name(), region);
  }
  return ofx::StatOK;
}

std::vector<int> Node::neighbours(const table::Clip &described, ofx::Time time) const {
  const std::vector<int> offsets = offsets_needed(described, params_.at(time));
  if (offsets.size() == 1) return offsets;
  const ofx::RangeD frames = clip(described.name).frames();  // beyond its ends there is nothing to ask for
  return offsets_within(offsets, time, frames.min, frames.max);
}

ofx::Status Node::frames_needed(const Properties &in, const Properties &out) const {
  const ofx::Time time = in.number(ofx::PropTime);
  if (passes_through(time)) return ofx::StatReplyDefault;
  bool any = false;
  for (const table::Clip &described : tool_.clips) {
    if (!*described.around || !clip(described.name).connected()) continue;
    const std::string name = std::string(ofx::ClipFrameRange_) + described.name;
    int index = 0;
    for (const auto &[first, last] : stretches(neighbours(described, time), time)) {
      out.set(name.c_str(), first, index++);
      out.set(name.c_str(), last, index++);
    }
    any = true;
  }
  return any ? ofx::StatOK : ofx::StatReplyDefault;
}

ofx::Status Node::clip_preferences(const Properties &out) const {
  const Properties &source = clip(ofx::ImageEffectSimpleSourceClipName).properties();
  const std::string depth = source.text(ofx::ImageEffectPropPixelDepth);
  const std::string components = source.text(ofx::ImageEffectPropComponents);
  const std::string premult = source.text(ofx::ImageEffectPropPreMultiplication);
  const std::string output = ofx::ImageEffectOutputClipName;
  if (components == ofx::ImageComponentRGBA || components == ofx::ImageComponentRGB) {
    out.set((ofx::ClipComponents_ + output).c_str(), components);
  }
  if (!depth.empty() && depth != ofx::BitDepthNone) out.set((ofx::ClipDepth_ + output).c_str(), depth);
  if (!premult.empty()) out.set(ofx::ImageEffectPropPreMultiplication, premult);
  out.set(ofx::ImageEffectFrameVarying, 0);  // a render is a function of its knobs, the digest among them
  return ofx::StatOK;
}

ofx::Status Node::output_colourspace(const Properties &out) const {
  const std::string space = clip(ofx::ImageEffectSimpleSourceClipName).colourspace();
  if (space.empty()) return ofx::StatReplyDefault;
  out.set(ofx::ImageClipPropColourspace, space);
  return ofx::StatOK;
}

bool Node::passes_through(ofx::Time time) const {
  if (params_.text("output", time) != tool_.passes[0].name) return false;
  if (params_.number("mix", time) == 0) return true;
  const auto gives_work = [&](const table::Clip &described) {
    // A host that calls every clip connected says nothing by it.
    return described.acts && !suites_.always_connected && clip(described.name).connected();
  };
  const bool given_work = std::any_of(tool_.clips.begin(), tool_.clips.end(), gives_work);
  return !given_work && is_neutral(tool_, params_.at(time));
}

ofx::Status Node::is_identity(const Properties &in, const Properties &out) const {
  const ofx::Time time = in.number(ofx::PropTime);
  if (!passes_through(time)) return ofx::StatReplyDefault;
  out.set(ofx::PropName, ofx::ImageEffectSimpleSourceClipName);
  out.set(ofx::PropTime, time);
  return ofx::StatOK;
}

Node::Sequence Node::sequence_of(const Properties &in) {
  const bool interactive =
      in.integer(ofx::PropIsInteractive) != 0 || in.integer(ofx::ImageEffectPropInteractiveRenderStatus) != 0;
  return {in.number(ofx::ImageEffectPropFrameRange, 0, 0), in.number(ofx::ImageEffectPropFrameRange, 0, 1),
          interactive};
}

ofx::Status Node::begin_sequence(const Properties &in) {
  const std::lock_guard<std::mutex> lock(mutex_);
  sequences_.push_back(sequence_of(in));
  return ofx::StatOK;
}

ofx::Status Node::end_sequence(const Properties &in) {
  const Sequence ended = sequence_of(in);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find_if(sequences_.begin(), sequences_.end(), [&](const Sequence &sequence) {
    return sequence.first == ended.first && sequence.last == ended.last && sequence.interactive == ended.interactive;
  });
  if (found != sequences_.end()) sequences_.erase(found);
  return ofx::StatOK;
}

bool Node::in_sequence(ofx::Time time, bool interactive) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::any_of(sequences_.begin(), sequences_.end(), [&](const Sequence &sequence) {
    if (sequence.first > time || sequence.last < time || sequence.interactive != interactive) return false;
    return interactive || sequence.last > sequence.first;  // of a background render, one with more than one frame
  });
}

}  // namespace onelight
