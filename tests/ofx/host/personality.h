// How one real host differs from the others, as data that the test host obeys.
#pragma once
#include <string>
#include <vector>

namespace ofxhost {

struct Personality {
  std::string name;
  std::string host_name;  // OfxPropName
  std::string label;
  std::vector<std::string> contexts = {"OfxImageEffectContextGeneral", "OfxImageEffectContextFilter"};  // best first
  std::vector<std::string> depths = {"OfxBitDepthFloat", "OfxBitDepthShort", "OfxBitDepthByte"};
  std::vector<std::string> components = {"OfxImageComponentRGBA", "OfxImageComponentRGB", "OfxImageComponentAlpha"};
  bool is_background = false;
  std::string colour_management;  // a ColourManagement style; empty = host without OFX 1.5 colour management

  // Life cycle
  bool describes_twice = false;     // Load, Describe, Unload, then Load again
  bool calls_set_host = false;      // uses the OfxSetHost export where the library has it
  bool instance_per_frame = false;  // Load ... DestroyInstance for every frame, from several threads
  bool calls_instance_changed = true;
  bool calls_is_identity = true;
  bool calls_frames_needed = true;
  bool nested_instance_changed = false;  // tells the plug-in of its own edits at once, not after the action
  bool has_push_buttons = true;
  bool has_project = true;  // project size, frame rate, duration

  // Images
  bool negative_rows = false;        // the data pointer is at the last line in memory
  int row_padding = 0;               // bytes between lines
  int output_margin = 0;             // pixels the output image is bigger than the render window
  bool misaligned = false;           // images start on a sample, not on a pixel
  std::string image_scale = "same";  // render scale found on images: same, one or inverted
  bool ignores_clip_time = false;    // every time is the frame being rendered
  bool always_connected = false;     // optional clips say they are connected
  std::string unconnected = "null";  // what those give then: null or black
  bool clamps_result = false;        // the viewer cuts the result to 0..1
  bool null_image_on_abort = false;
  bool deaf_abort = false;  // abort() is always 0

  // Messages
  bool message_suite_v2 = true;
  bool message_v2_members = true;  // false = the suite is there and its members are null
  bool broken_message_format = false;
  bool shows_persistent = true;

  // Parameters
  bool secret_not_settable = false;
  bool secret_at_describe_is_forever = false;
  bool choice_options_fixed = false;
  bool clamps_without_display_range = false;

  bool guards = true;  // guard bytes, unwritten pixels, writes into inputs; off only to time things
};

const std::vector<Personality> &personalities();
const Personality &personality(const std::string &name);  // throws std::invalid_argument naming those there are

}  // namespace ofxhost
