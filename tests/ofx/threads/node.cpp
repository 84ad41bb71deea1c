#include "node.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace threads {
namespace {

using namespace ofxhost;

constexpr RectI bounds{-8, 12, 184, 120};
constexpr int width = bounds.x2 - bounds.x1;

// Values above 1 and below 0, none of them 0, so that a changed sign shows.
float plate_at(double time, int x, int y, int channel) {
  const unsigned mixed = (unsigned(x + 1000) * 73856093u) ^ (unsigned(y + 1000) * 19349663u) ^
                         (unsigned(channel) * 83492791u) ^ (unsigned(time) * 2654435761u);
  return float(mixed % 4096) / 1024.0f - 1.0001f;
}

ImageFormat format_of(const Personality &personality) {
  ImageFormat format;
  format.row_padding = personality.row_padding;
  format.negative_rows = personality.negative_rows;
  format.misaligned = personality.misaligned;
  return format;
}

std::shared_ptr<Image> plate(const Personality &personality, double time) {
  auto image = std::make_shared<Image>(format_of(personality), bounds, personality.guards);
  std::vector<float> line(std::size_t(width) * 4);
  for (int y = bounds.y1; y < bounds.y2; ++y) {
    for (int i = 0; i < width * 4; ++i) line[std::size_t(i)] = plate_at(time, i / 4, y, i % 4);
    std::memcpy(image->line(y), line.data(), image->lineBytes());
  }
  image->seal();
  return image;
}

// Throws unless every sample is the plate's, its sign aside where the node did its work; some signs then differ.
void check(const Image &output, const RectI &window, double time, bool worked) {
  std::vector<float> line(std::size_t(output.width()) * 4);
  long turned = 0;
  for (int y = window.y1; y < window.y2; ++y) {
    std::memcpy(line.data(), output.line(y), output.lineBytes());
    for (int x = window.x1; x < window.x2; ++x) {
      for (int channel = 0; channel < 4; ++channel) {
        const float is = line[std::size_t((x - output.bounds.x1) * 4 + channel)];
        const float was = plate_at(time, x - bounds.x1, y, channel);
        if (is == -was && worked && channel < 3) {
          ++turned;
        } else if (is != was) {
          throw std::runtime_error("frame " + std::to_string(time) + ": at " + std::to_string(x) + ", " +
                                   std::to_string(y) + " is " + std::to_string(is) + ", where the plate is " +
                                   std::to_string(was));
        }
      }
    }
  }
  if (worked && !turned) throw std::runtime_error("frame " + std::to_string(time) + ": the node did nothing");
}

int option(Param &menu, const std::string &label) {
  const auto labels = menu.properties.texts("OfxParamPropChoiceOption");
  const auto found = std::find(labels.begin(), labels.end(), label);
  if (found == labels.end()) throw std::runtime_error(menu.name() + " has no option " + label);
  return int(found - labels.begin());
}

}  // namespace

Node::Node(Host &host, const std::string &address) : described_(host.describe("org.onelight.probe")) {
  effect_ = host.create(*described_);
  ClipSetup setup;
  setup.connected = true;
  setup.format = format_of(host.personality);
  setup.bounds = bounds;
  setup.frames = {1, 1000};
  const Personality personality = host.personality;
  setup.provider = [personality](double time, double, double) { return plate(personality, time); };
  effect_->findClip("Source")->connect(setup);
  effect_->changed("OfxTypeClip", "Source", "OfxChangeUserEdited", 1);
  set("server", {keep(address)});
  set("colourspace", {option(*effect_->params.find("colourspace"), "ACEScg")});
  set("flip", {1});
}

Node::~Node() { effect_->destroy(); }

void Node::set(const std::string &knob, const Values &value) {
  effect_->params.find(knob)->set(value);
  effect_->changed("OfxTypeParameter", knob, "OfxChangeUserEdited", 1);
}

std::vector<std::string> Node::messages() const {
  std::vector<std::string> texts;
  for (const Message &message : effect_->messages()) texts.push_back(message.text);
  return texts;
}

bool Node::render(double time) {
  const Personality &personality = effect_->host().personality;
  const Preferences preferences = effect_->preferences();
  const RectD region = effect_->regionOfDefinition(time, 1, 1);
  effect_->regionsOfInterest(time, 1, 1, region);
  RenderRequest request;
  request.time = time;
  request.window = pixels(region, 1, 1, 1);
  request.format = format_of(personality);
  request.format.premultiplication = preferences.premultiplication;
  if (personality.calls_frames_needed) request.frames_needed = effect_->framesNeeded(time);
  if (effect_->identity(request)) throw std::runtime_error("a node with work to do said that it is its plate");
  effect_->sequence("OfxImageEffectActionBeginSequenceRender", {time, time}, 1, request);
  const RenderResult result = effect_->render(request);
  effect_->sequence("OfxImageEffectActionEndSequenceRender", {time, time}, 1, request);
  const bool worked = result.status == kOk;
  if (worked || !effect_->aborted) check(*result.output, request.window, time, worked);
  return worked;
}

}  // namespace threads
