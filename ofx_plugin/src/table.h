// The types of tools.gen.h: what a node is, as constant data generated from the tool's spec.
#pragma once

#include <cstddef>
#include <string_view>

namespace onelight::table {

// A view of a constant array (std::span is C++20).
template <typename T>
struct List {
  const T *data = nullptr;
  std::size_t size = 0;

  constexpr List() = default;
  template <std::size_t N>
  constexpr List(const T (&array)[N]) : data(array), size(N) {}
  constexpr const T *begin() const { return data; }
  constexpr const T *end() const { return data + size; }
  constexpr const T &operator[](std::size_t i) const { return data[i]; }
  constexpr bool empty() const { return size == 0; }
};

enum class Kind { Float, Angle, Int, Bool, Choice, Colour, String, Button };
enum class StringMode { Line, File, Label };

// A value that a knob may have: nothing declared, numbers (one, or three of a colour), an option's name or text, or
// whatever another knob has at the same time (`text` is that knob's name).
struct Value {
  enum Kind { None, Numbers, Text, SameAs } kind = None;
  double numbers[3] = {0, 0, 0};
  const char *text = "";
};

struct Option {
  const char *name, *label, *hint;
  // Of a pass: what it is where nothing is done, to which mask and mix lead; None = they leave it alone.
  Value neutral{};
};

struct Knob {
  Kind kind;
  const char *name, *label, *hint, *group;
  Value initial, neutral;
  double hard[2], soft[2];  // numbers only
  int digits;
  StringMode mode;
  bool pixels;  // in full-size pixels: scaled by the render scale when read
  bool animates;
  bool affects_render;  // travels with a frame
  bool analysed;        // written by the Analyse button
  bool passes;          // a menu of the tool's passes; `options` is empty
  const char *action;   // of a button
  List<Option> options;
};

struct Group {
  const char *name, *label, *hint;
  bool open;
};

struct Clip {
  const char *name, *label, *hint;
  bool optional, data, mask;
  bool sparse;          // a frame without a pixel that is not 0 says as much as none, and is not sent
  bool acts;            // connected, it gives the tool work although every knob is neutral
  const char *around;   // Int knob with how far away the frames needed lie on either side; "" = this frame only
  const char *spacing;  // Choice knob that says which of those; "" = all of them
};

// What a preset or a ramp writes into a knob.
struct Setting {
  const char *knob;
  Value value;
};

struct Preset {
  const char *name, *label;
  List<Setting> settings;
};

struct Stop {
  double at;
  List<Setting> settings;
};

struct Ramp {
  const char *knob;
  List<Stop> stops;
};

// What of a shot the Analyse button sends.
struct Analysis {
  int frames;   // at most so many, spread over the range
  int longest;  // pixels that a side may have, made smaller by a whole factor if need be; 0 = as it is
};

struct Tool {
  const char *id, *identifier, *label, *hint;
  int version;
  bool shipped;
  bool has_options;  // more than one candidate for the knob Option to pick from
  List<Clip> clips;
  List<Group> groups;
  List<Knob> knobs;         // the tool's own
  List<Option> passes;      // the first is the result
  const char *preset_knob;  // "" where there are no presets
  List<Preset> presets;
  List<Ramp> ramps;
  const char *analysed_flag;  // Bool knob that says the shot was analysed; "" where the tool needs no analysis
  const char *alpha_knob;     // Bool knob that lets the result write the alpha channel; "" = alpha is the plate's
  Analysis analysis;
};

}  // namespace onelight::table
