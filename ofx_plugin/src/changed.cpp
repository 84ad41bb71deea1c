// What a node does when the artist edits a knob: the only place where it writes knobs.
#include <algorithm>

#include "node.h"

namespace onelight {
namespace {

constexpr double resolve_seconds = 5;  // an edit of Show, Version or Server holds the panel no longer than this
constexpr int resolve_side = 64;       // pixels; the smallest picture every tool can look at

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
    if (std::string_view(knob->action) == "analyse") {
      analyse(time, scale_of(in), knob->label);
    } else if (name == "show" || name == "version" || name == "server") {
      resolve_version(time);
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

// Which model a show and version stand for: asked with a small grey picture, as nothing else answers for the model.
void Node::resolve_version(ofx::Time time) {
  Request asked;
  asked.server = params_.text("server", time);
  asked.show = params_.text("show", time);
  asked.tool = tool_.id;
  asked.version = params_.text("version", time);
  asked.deadline_seconds = std::min(resolve_seconds, params_.number("timeout", time));
  asked.parameters["frame.priority"] = std::string("interactive");
  std::vector<float> grey(std::size_t(resolve_side) * resolve_side * 4, 0.18f);
  Image picture;
  picture.data = grey.data();
  picture.bounds = picture.region = picture.data_window = {0, 0, resolve_side, resolve_side};
  picture.row_bytes = std::ptrdiff_t(resolve_side) * 4 * std::ptrdiff_t(sizeof(float));
  for (const table::Clip &described : tool_.clips) {
    if (!described.optional) add(described, 0, picture, picture.bounds, 1, &asked);
  }
  asked.out_width = asked.out_height = resolve_side;
  asked.read = [](const void *) {};
  try {
    const Reply reply = infer(asked);
    messages_.clear();
    Writes writes;
    tell(reply, "", &writes);
    params_.write(writes, std::string(tool_.label) + ": model", time);
  } catch (const Error &) {
    params_.note("digest", "", time);  // whatever it was, it is not that any more
    throw;
  }
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
