// The Analyse button: frames of the shot are sent once, and what the server makes of them is written into knobs.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "node.h"
#include "progress.h"

namespace onelight {
namespace {

constexpr double least_reach = 50;  // frames around the current one, where no range was given

}  // namespace

// Offsets from the reference frame of the frames to look at.
std::vector<int> Node::sampled(ofx::Time time, int *reference) const {
  const auto knob = [&](const char *name) { return find_knob(tool_, name) ? int(params_.number(name, time)) : 0; };
  int first = knob("analyse_first"), last = knob("analyse_last");
  if (first == 0 && last == 0) {
    const double reach = std::max(least_reach, double((tool_.analysis.frames - 1) / 2));
    const ofx::RangeD frames = clip(ofx::ImageEffectSimpleSourceClipName).frames();
    first = int(std::ceil(std::max(frames.min, time - reach)));
    last = int(std::floor(std::min(frames.max, time + reach)));
    if (first > last) first = last = int(std::lround(time));  // the playhead stands outside the clip
  }
  if (first > last) std::swap(first, last);
  *reference = knob("analyse_reference") ? knob("analyse_reference") : first;
  std::set<int> frames{*reference};
  const int count = std::min(tool_.analysis.frames, last - first + 1);
  for (int i = 0; i < count; ++i) {
    frames.insert(first + int(std::lround(double(last - first) * i / std::max(1, count - 1))));
  }
  std::vector<int> offsets;
  for (const int frame : frames) {
    if (frame != *reference) offsets.push_back(frame - *reference);
  }
  return offsets;
}

// Adds what every clip has at the reference frame + offset, as it is wanted for an analysis.
Node::Taken Node::sample(int reference, int offset, const Image &plate, int factor, Request *request) const {
  Taken taken;
  for (const table::Clip &described : tool_.clips) {
    const bool source = std::string_view(described.name) == ofx::ImageEffectSimpleSourceClipName;
    if (described.mask || !clip(described.name).connected() || (source && offset == 0)) continue;
    std::optional<Picture> picture = fetch(described, reference + offset);
    if (!picture) continue;
    add(described, offset, picture->image(), plate.region, factor, request);
    if (source) {
      taken.given = true;
      taken.same = same_pixels(plate, picture->image());
    }
    // Made smaller it was copied: of a long shot the host need not hold every frame at once.
    if (factor == 1) taken.held.push_back(std::move(*picture));
  }
  return taken;
}

void Node::analyse(ofx::Time time, Scale scale, const std::string &label) {
  Progress progress(suites_, effect_, std::string(tool_.label) + ": " + label);
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
  const int side = std::max(width(window), height(window)), longest = tool_.analysis.longest;
  const int factor = longest > 0 ? std::max(1, (side + longest - 1) / longest) : 1;

  Request asked = request(reference, plate->image(), scale, factor);
  asked.parameters["frame.colourspace"] = space;
  asked.parameters["frame.action"] = std::string("analyse");
  asked.wants_output = false;
  std::vector<Taken> held;
  held.push_back(sample(reference, 0, plate->image(), factor, &asked));
  int given = 0, same = 0;  // frames next to the reference; those that are the reference once more
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    held.push_back(sample(reference, offsets[i], plate->image(), factor, &asked));
    if (held.back().given) {
      ++given;
      same += held.back().same;
      // A camera that pans is keyed: each frame is seen with the knobs of its own time.
      const auto knobs = wire_knobs(tool_, params_.at(reference + offsets[i]), scale.x / factor);
      asked.parameters.merge(changed_at(offsets[i], asked.parameters, knobs));
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
    if (error.kind == Error::Aborted) return params_.note("status", label + " was cancelled", time);
    throw;
  }
  write_found(reply, label, given + 1, given > 0 && same == given, time);
}

void Node::write_found(const Reply &reply, const std::string &label, int frames, bool all_same, ofx::Time time) {
  Writes writes;
  for (const table::Knob &knob : tool_.knobs) {
    const auto found = reply.parameters.find(knob.name);
    KnobValue value;
    if (!knob.analysed || found == reply.parameters.end() || !from_wire(knob, found->second, &value)) continue;
    writes.emplace_back(&knob, value);
  }
  if (writes.empty()) {
    throw std::runtime_error("the server's answer to " + label + " holds none of this node's knobs");
  }
  // A node that was as shot stays as shot: what followed a present value follows it to the new one.
  for (const auto &[follower, followed] : as_shot(tool_, params_.at(time))) {
    for (std::size_t i = 0, written = writes.size(); i < written; ++i) {
      if (std::string_view(writes[i].first->name) == followed) writes.emplace_back(follower, writes[i].second);
    }
  }
  std::string status = text_of(reply.parameters, "status");
  if (status.empty()) status = "Analysed " + std::to_string(frames) + " frames.";
  const ofx::RangeD range = clip(ofx::ImageEffectSimpleSourceClipName).frames();
  // MLT gives the frame it renders whatever time is asked for.
  if (all_same && range.max > range.min) status += " This host gave the same frame for every time.";
  tell(reply, status, &writes);
  params_.write(writes, std::string(tool_.label) + ": " + label, time);
  messages_.clear();
}

}  // namespace onelight
