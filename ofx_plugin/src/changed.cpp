// What a node does when the artist edits a knob: the only place where it writes knobs.
#include <algorithm>

#include "node.h"

namespace onelight {
namespace {

constexpr double resolve_seconds = 5;  // an edit of Show, Version or Server holds the panel no longer than this
constexpr char built_in[] = "base";    // the show that everybody has

}  // namespace

ofx::Status Node::changed(const Properties &in) {
  // Our own writes come back with another reason; following those too would never end (Natron calls back at once).
  if (in.text(ofx::PropChangeReason) != ofx::ChangeUserEdited || in.text(ofx::PropType) != ofx::TypeParameter) {
    return ofx::StatReplyDefault;
  }
  const ofx::Time time = in.number(ofx::PropTime);
  const std::string name = in.text(ofx::PropName);
  const table::Knob *knob = find_knob(tool_, name);
  if (!knob) return ofx::StatReplyDefault;
  std::string remark;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    remark.swap(remark_);
  }
  if (!remark.empty()) params_.note("status", remark, time);
  try {
    const bool about_model = name == "show" || name == "version" || name == "server" || name == "update_version";
    if (about_model) {
      resolved_ = true;
      resolve(name == "show" ? Resolve::Show : name == "update_version" ? Resolve::Update : Resolve::Version, time);
      return ofx::StatOK;
    }
    resolve_once(time);
    if (std::string_view(knob->action) == "analyse") {
      analyse(time, scale_of(in), knob->label);
    } else if (const Writes writes = writes_of(tool_, name, params_.at(time)); !writes.empty()) {
      params_.write(writes, std::string(tool_.label) + ": " + knob->label, time);
    } else {
      return ofx::StatReplyDefault;
    }
  } catch (const std::exception &error) {
    const std::string told = sentence(tool_.label, error.what());
    params_.note("status", told, time);
    // A button that did nothing has to say so. A server that is not up yet is no error before something is rendered.
    if (knob->kind == table::Kind::Button) messages_.error(told);
  }
  return ofx::StatOK;
}

std::map<std::string, std::string> Node::model_of(const std::string &version, ofx::Time time) const {
  return model(params_.text("server", time), params_.text("show", time), tool_.id, version,
               std::min(resolve_seconds, params_.number("timeout", time)));
}

// Which model Show and Version stand for. Where a show keeps versions with states, setting the Show and pressing Update
// also write the one that is approved now into Version: what is approved later changes no script.
void Node::resolve(Resolve what, ofx::Time time) {
  const std::string version = params_.text("version", time);
  bool pin = what == Resolve::Update;
  std::map<std::string, std::string> found;
  try {
    if (what == Resolve::Show && params_.text("show", time) != built_in) {
      found = model_of("", time);
      pin = !found["state"].empty();  // a Version that belonged to another show means nothing here
      if (!pin && !version.empty()) found = model_of(version, time);
    } else {
      found = model_of(pin ? "" : version, time);
    }
  } catch (const Error &) {
    if (!pin) params_.note("digest", "", time);  // whatever it was, it is not that any more
    throw;
  }
  messages_.clear();
  const std::string newer = found["default"] == found["version"] ? "" : found["default"];
  std::string told = "Model " + found["version"] + " on " + found["provider"] + ".";
  if (!found["state"].empty() && !newer.empty()) told += " " + newer + " is approved: press Update to take it.";
  Writes writes;
  if (pin) writes.emplace_back(find_knob(tool_, "version"), found["version"]);
  writes.emplace_back(find_knob(tool_, "digest"), found["digest"]);
  writes.emplace_back(find_knob(tool_, "status"), told);
  params_.write(writes, std::string(tool_.label) + ": model", time);
  params_.label("update_version", newer.empty() || pin ? "Update" : "Update to " + newer);
}

// The first edit of a node whose Show keeps versions, as a template or a menu made it: from then on it has a Version.
void Node::resolve_once(ofx::Time time) try {
  if (resolved_ || suites_.is_background()) return;
  resolved_ = true;
  if (params_.text("show", time) != built_in && params_.text("version", time).empty()) resolve(Resolve::Show, time);
} catch (const Error &error) {
  params_.note("status", sentence(tool_.label, error.what()), time);  // what was edited goes on all the same
}

void Node::tell(const Reply &reply, const std::string &status, Writes *writes) const {
  const std::string version = text_of(reply.parameters, "version"), provider = text_of(reply.parameters, "provider");
  std::string told = status;
  if (!version.empty()) {
    told += (told.empty() ? "Model " : " Model ") + version + (provider.empty() ? "" : " on " + provider) + ".";
  }
  writes->emplace_back(find_knob(tool_, "digest"), text_of(reply.parameters, "digest"));
  writes->emplace_back(find_knob(tool_, "status"), told);
}

}  // namespace onelight
