// The table of hosts: what was seen running or read in public code and documents, one entry a host.
#include "personality.h"

#include <stdexcept>

namespace ofxhost {
namespace {

using Fill = void (*)(Personality &);
const std::vector<std::string> kFilterOnly = {"OfxImageEffectContextFilter"};
const std::vector<std::string> kAllDepths = {"OfxBitDepthFloat", "OfxBitDepthHalf", "OfxBitDepthShort",
                                             "OfxBitDepthByte"};

// Everything the API lets a host do, at its least comfortable.
void strict(Personality &p) {
  p.name = "strict";
  p.host_name = "org.onelight.testhost";
  p.label = "Onelight test host";
  p.depths = kAllDepths;
  p.calls_set_host = true;
  p.colour_management = "OfxImageEffectColourManagementCore";
  p.row_padding = 48;
  p.output_margin = 3;
  p.misaligned = true;
  p.null_image_on_abort = true;
}

// Natron 2.6, seen: the order of the first calls, depths, message arguments; prefers General.
void natron(Personality &p) {
  p.name = "natron";
  p.host_name = "fr.inria.Natron";
  p.label = "Natron";
  p.describes_twice = true;
  p.broken_message_format = true;
  p.nested_instance_changed = true;
}

// MLT 7.41, seen: melt's openfx module.
void mlt(Personality &p) {
  p.name = "mlt";
  p.host_name = "org.mltframework.openfx";
  p.label = "MLT";
  p.contexts = kFilterOnly;
  p.depths = kAllDepths;
  p.instance_per_frame = true;
  p.calls_instance_changed = false;
  p.calls_is_identity = false;
  p.calls_frames_needed = false;
  p.has_push_buttons = false;
  p.has_project = false;
  p.negative_rows = true;
  p.ignores_clip_time = true;
  p.clamps_result = true;
  p.deaf_abort = true;
  p.shows_persistent = false;
  p.secret_not_settable = true;
}

// DaVinci Resolve 14 and later, read: documents and other plug-ins' work-arounds.
void resolve(Personality &p) {
  p.name = "resolve";
  p.host_name = "DaVinciResolve";
  p.label = "DaVinci Resolve";
  p.contexts = {"OfxImageEffectContextFilter", "OfxImageEffectContextGeneral"};
  p.message_v2_members = false;
  p.always_connected = true;
  p.image_scale = "one";
  p.clamps_without_display_range = true;
}

// Nuke, read: float only, menus fixed once described, NULL images while the user interrupts.
void nuke(Personality &p) {
  p.name = "nuke";
  p.host_name = "uk.co.thefoundry.nuke";
  p.label = "Nuke";
  p.depths = {"OfxBitDepthFloat"};
  p.choice_options_fixed = true;
  p.secret_at_describe_is_forever = true;
  p.null_image_on_abort = true;
  p.row_padding = 64;
}

// Fusion, read: the render scale on images is upside down.
void fusion(Personality &p) {
  p.name = "fusion";
  p.host_name = "com.eyeonline.Fusion";
  p.label = "Fusion";
  p.image_scale = "inverted";
}

const Fill kTable[] = {strict, natron, mlt, resolve, nuke, fusion};

}  // namespace

const std::vector<Personality> &personalities() {
  static const auto *all = [] {
    auto *list = new std::vector<Personality>;
    for (Fill fill : kTable) {
      Personality entry;
      fill(entry);
      list->push_back(entry);
    }
    return list;
  }();
  return *all;
}

const Personality &personality(const std::string &name) {
  std::string known;
  for (const Personality &entry : personalities()) {
    if (entry.name == name) return entry;
    known += (known.empty() ? "" : ", ") + entry.name;
  }
  throw std::invalid_argument("no host personality '" + name + "'; there are " + known);
}

}  // namespace ofxhost
