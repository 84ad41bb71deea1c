// Defining parameters from a tool's table: folds, pages, ranges, menus.
#include <algorithm>
#include <cmath>

#include "params.h"
#include "tools.gen.h"

namespace onelight {
namespace {

const char *type_of(table::Kind kind) {
  switch (kind) {
    case table::Kind::Float:
    case table::Kind::Angle:
      return ofx::ParamTypeDouble;
    case table::Kind::Int:
      return ofx::ParamTypeInteger;
    case table::Kind::Bool:
      return ofx::ParamTypeBoolean;
    case table::Kind::Choice:
      return ofx::ParamTypeChoice;
    case table::Kind::Colour:
      return ofx::ParamTypeRGB;
    case table::Kind::String:
      return ofx::ParamTypeString;
    case table::Kind::Button:
      return ofx::ParamTypePushButton;
  }
  return "";
}

std::string fold_name(const char *group) { return std::string("group_") + group; }

class Definer {
 public:
  Definer(const Suites &suites, const table::Tool &tool, ofx::ParamSet set) : suites_(suites), tool_(tool), set_(set) {}

  void page(const char *name, const char *label, const table::List<table::Group> &groups,
            const std::vector<const table::Knob *> &knobs) {
    children_.clear();
    for (const table::Group &group : groups) {
      const Properties fold = define(ofx::ParamTypeGroup, fold_name(group.name));
      labels(fold, group.label, group.hint);
      fold.set(ofx::ParamPropGroupOpen, int(group.open));
    }
    std::vector<std::string> placed;
    for (const table::Knob *knob : knobs) {
      // A fold stands on the page where the first of its knobs would.
      const std::string fold = *knob->group ? fold_name(knob->group) : "";
      if (!fold.empty() && std::find(children_.begin(), children_.end(), fold) == children_.end()) {
        children_.push_back(fold);
      }
      children_.push_back(knob->name);
      define_knob(*knob, fold);
    }
    const Properties page = define(ofx::ParamTypePage, name);
    labels(page, label, "");
    for (std::size_t i = 0; i < children_.size(); ++i) page.set(ofx::ParamPropPageChild, children_[i], int(i));
    pages_.push_back(name);
  }

  void order_pages() const {
    ofx::PropertySet properties = nullptr;
    suites_.parameters->paramSetGetPropertySet(set_, &properties);
    if (properties) Properties(suites_, properties).set_list(ofx::PluginPropParamPageOrder, pages_);
  }

 private:
  Properties define(const char *type, const std::string &name) const {
    ofx::PropertySet properties = nullptr;
    const ofx::Status status = suites_.parameters->paramDefine(set_, type, name.c_str(), &properties);
    if (status != ofx::StatOK || !properties) throw Refused(status, "The host does not take the parameter " + name);
    return Properties(suites_, properties);
  }

  void labels(const Properties &param, const char *label, const char *hint) const {
    for (const char *kind : {ofx::PropLabel, ofx::PropShortLabel, ofx::PropLongLabel}) param.set(kind, label);
    if (*hint) param.set(ofx::ParamPropHint, hint);
  }

  void define_knob(const table::Knob &knob, const std::string &fold) const {
    const Properties param = define(type_of(knob.kind), knob.name);
    labels(param, knob.label, knob.hint);
    if (!fold.empty()) param.set(ofx::ParamPropParent, fold);
    if (knob.kind == table::Kind::Button) return;
    const bool can_animate = knob.kind == table::Kind::Bool     ? suites_.animates_bools
                             : knob.kind == table::Kind::Choice ? suites_.animates_choices
                                                                : knob.kind != table::Kind::String;
    param.set(ofx::ParamPropAnimates, int(knob.animates && can_animate));
    // The status is for reading; a change of it must not send the host rendering.
    const bool status = std::string_view(knob.name) == "status";
    param.set(ofx::ParamPropEvaluateOnChange, int(knob.affects_render && !status));
    if (knob.mode == table::StringMode::Label) param.set(ofx::ParamPropCanUndo, 0);
    if (std::string_view(knob.name) == "option" && !tool_.has_options) param.set(ofx::ParamPropSecret, 1);
    define_value(knob, param);
  }

  void define_value(const table::Knob &knob, const Properties &param) const {
    const double *initial = knob.initial.numbers;
    switch (knob.kind) {
      case table::Kind::Float:
      case table::Kind::Angle:
        param.set(ofx::ParamPropDefault, initial[0]);
        range<double>(knob, param);
        param.set(ofx::ParamPropDigits, knob.digits);
        param.set(ofx::ParamPropIncrement, std::pow(10.0, -std::min(knob.digits, 2)));
        param.set(ofx::ParamPropDoubleType,
                  knob.kind == table::Kind::Angle ? ofx::ParamDoubleTypeAngle : ofx::ParamDoubleTypePlain);
        return;
      case table::Kind::Int:
        param.set(ofx::ParamPropDefault, int(initial[0]));
        return range<int>(knob, param);
      case table::Kind::Bool:
        return param.set(ofx::ParamPropDefault, int(initial[0] != 0 && !distrusted(knob)));
      case table::Kind::Choice:
        return define_menu(knob, param);
      case table::Kind::Colour:
        for (int i = 0; i < 3; ++i) {
          param.set(ofx::ParamPropDefault, initial[i], i);
          // A light's colour may go beyond 1 either way; without these Resolve clamps to -1..1.
          param.set(ofx::ParamPropMin, -1e9, i);
          param.set(ofx::ParamPropMax, 1e9, i);
          param.set(ofx::ParamPropDisplayMin, 0.0, i);
          param.set(ofx::ParamPropDisplayMax, 1.0, i);
        }
        return;
      case table::Kind::String:
        param.set(ofx::ParamPropDefault, knob.initial.text);
        return param.set(ofx::ParamPropStringMode, knob.mode == table::StringMode::Label ? ofx::ParamStringIsLabel
                                                   : knob.mode == table::StringMode::File
                                                       ? ofx::ParamStringIsFilePath
                                                       : ofx::ParamStringIsSingleLine);
      case table::Kind::Button:
        return;
    }
  }

  template <typename Number>
  void range(const table::Knob &knob, const Properties &param) const {
    param.set(ofx::ParamPropMin, Number(knob.hard[0]));
    param.set(ofx::ParamPropMax, Number(knob.hard[1]));
    param.set(ofx::ParamPropDisplayMin, Number(knob.soft[0]));
    param.set(ofx::ParamPropDisplayMax, Number(knob.soft[1]));
  }

  void define_menu(const table::Knob &knob, const Properties &param) const {
    const auto &menu = options(tool_, knob);
    std::string initial = knob.initial.text;
    if (std::string_view(knob.name) == "colourspace") initial = initial_space(initial);
    for (std::size_t i = 0; i < menu.size; ++i) {
      param.set(ofx::ParamPropChoiceOption, menu[i].label, int(i));
      if (initial == menu[i].name) param.set(ofx::ParamPropDefault, int(i));
    }
  }

  // A colour-managed host knows the space of its clips. Resolve hands out display-referred or log pixels without a
  // word: there the artist has to choose before anything happens.
  std::string initial_space(const std::string &usual) const {
    return suites_.colour_managed ? "host" : suites_.always_connected ? "unset" : usual;
  }

  // Where every clip says it is connected, a black Mask nobody connected would switch the node off.
  bool distrusted(const table::Knob &knob) const {
    return suites_.always_connected && std::string_view(knob.name) == "use_mask";
  }

  const Suites &suites_;
  const table::Tool &tool_;
  ofx::ParamSet set_;
  std::vector<std::string> children_;
  std::vector<const char *> pages_;
};

}  // namespace

void define_params(const Suites &suites, const table::Tool &tool, ofx::ParamSet params) {
  std::vector<const table::Knob *> own, shared;
  for (const table::Knob &knob : tool.knobs) own.push_back(&knob);
  // Of the common knobs those without a fold (output, mask, mix) belong at the end of the tool's own page.
  for (const table::Knob &knob : common_knobs()) (*knob.group ? shared : own).push_back(&knob);
  Definer definer(suites, tool, params);
  definer.page("page_tool", tool.label, tool.groups, own);
  definer.page("page_onelight", "Onelight", table::common_groups, shared);
  definer.order_pages();
}

}  // namespace onelight
