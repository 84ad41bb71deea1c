// What a node does when the artist edits a knob: the only place where it writes knobs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "node.h"
#include "progress.h"

namespace onelight {
namespace {

constexpr int most_samples = 9;        // frames of a shot that Analyse looks at, next to the reference frame
constexpr double analyse_reach = 50;   // frames around the current one, where no range was given
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
      analyse(time, scale_of(in));
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

// Offsets from the reference frame of the frames to look at.
std::vector<int> Node::sampled(ofx::Time time, int *reference) const {
  const auto knob = [&](const char *name) { return find_knob(tool_, name) ? int(params_.number(name, time)) : 0; };
  int first = knob("analyse_first"), last = knob("analyse_last");
  if (first == 0 && last == 0) {
    const ofx::RangeD frames = clip(ofx::ImageEffectSimpleSourceClipName).frames();
    first = int(std::ceil(std::max(frames.min, time - analyse_reach)));
    last = int(std::floor(std::min(frames.max, time + analyse_reach)));
    if (first > last) first = last = int(std::lround(time));  // the playhead stands outside the clip
  }
  if (first > last) std::swap(first, last);
  *reference = knob("analyse_reference") ? knob("analyse_reference") : first;
  std::set<int> frames{*reference};
  const int count = std::min(most_samples, last - first + 1);
  for (int i = 0; i < count; ++i) {
    frames.insert(first + int(std::lround(double(last - first) * i / std::max(1, count - 1))));
  }
  std::vector<int> offsets;
  for (const int frame : frames) {
    if (frame != *reference) offsets.push_back(frame - *reference);
  }
  return offsets;
}

void Node::analyse(ofx::Time time, Scale scale) {
  Progress progress(suites_, effect_, std::string(tool_.label) + ": Analyse shot");
  std::string missing;
  const std::string space = input_space(time, &missing);
  if (!missing.empty()) throw std::runtime_error(missing);
  const Clip &source = clip(ofx::ImageEffectSimpleSourceClipName);
  if (!source.connected()) throw std::runtime_error("Connect a plate to the Source");
  int reference = 0;
  const std::vector<int> offsets = sampled(time, &reference);
  const std::optional<Picture> plate = source.fetch(reference);
  if (!plate) throw std::runtime_error("The Source gives no frame " + std::to_string(reference));
  const Rect window = plate->image().region;
  if (empty(window)) throw std::runtime_error("The Source has no pixels at frame " + std::to_string(reference));

  Request asked = request(reference, plate->image(), scale);
  asked.parameters["frame.colourspace"] = space;
  asked.parameters["frame.action"] = std::string("analyse");
  asked.wants_output = false;
  std::vector<Picture> held = gather(reference, 0, window, &asked);
  int given = 0, same = 0;  // frames next to the reference; those that are the reference once more
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const std::string sample = at_offset(source.name(), offsets[i]);
    const std::size_t sent = asked.inputs.size();
    std::vector<Picture> pictures = gather(reference, offsets[i], window, &asked);
    for (std::size_t j = 0; j < pictures.size(); ++j) {
      if (asked.inputs[sent + j].name == sample) {
        ++given;
        same += same_pixels(plate->image(), pictures[j].image());
        // A camera that pans is keyed: each frame is seen with the knobs of its own time.
        const auto knobs = wire_knobs(tool_, params_.at(reference + offsets[i]), scale.x);
        asked.parameters.merge(changed_at(offsets[i], asked.parameters, knobs));
      }
      held.push_back(std::move(pictures[j]));
    }
    if (progress.update(0.5 * double(i + 1) / double(offsets.size()))) return;
  }
  const auto began = std::chrono::steady_clock::now();
  asked.aborted = [&] {
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - began;
    return progress.update(0.5 + 0.5 * waited.count() / (waited.count() + 10));  // nobody knows how long it takes
  };
  Reply reply;
  try {
    reply = infer(asked);
  } catch (const Error &error) {
    if (error.kind == Error::Aborted) return params_.note("status", "Analyse was cancelled", time);
    throw;
  }

  Writes writes;
  for (const table::Knob &knob : tool_.knobs) {
    const auto found = reply.parameters.find(knob.name);
    KnobValue value;
    if (!knob.analysed || found == reply.parameters.end() || !from_wire(knob, found->second, &value)) continue;
    writes.emplace_back(&knob, value);
  }
  if (writes.empty()) throw std::runtime_error("the server's answer to Analyse shot holds none of this node's knobs");
  // A node that was as shot stays as shot: what followed a present value follows it to the new one.
  for (const auto &[follower, followed] : as_shot(tool_, params_.at(time))) {
    for (std::size_t i = 0, written = writes.size(); i < written; ++i) {
      if (std::string_view(writes[i].first->name) == followed) writes.emplace_back(follower, writes[i].second);
    }
  }
  std::string status = "Analysed " + std::to_string(given + 1) + " frames.";
  const ofx::RangeD range = source.frames();
  // MLT gives the frame it renders whatever time is asked for.
  if (given > 0 && same == given && range.max > range.min) status += " This host gave the same frame for every time.";
  tell(reply, status, &writes);
  params_.write(writes, std::string(tool_.label) + ": Analyse shot", time);
  messages_.clear();
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
    if (!described.optional) add(described.name, 0, picture, picture.bounds, &asked);
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
