// Rendering one frame: fetch, send, and write a defined output whatever happens.
#include <cstring>

#include "node.h"
#include "parallel.h"

namespace onelight {

struct Node::Frame {
  ofx::Time time = 0;
  Scale scale{1, 1};
  bool interactive = false;
  Rect window{0, 0, 0, 0};
  std::optional<Picture> output, source, mask;
  bool invert = false;
  float mix = 1;
  std::string pass;
  std::optional<float> neutral;  // of the pass: what mask and mix lead to, in the plate's place
  bool alpha_from_result = false;
};

ofx::Status Node::render(const Properties &in) {
  Frame frame;
  frame.time = in.number(ofx::PropTime);
  frame.scale = scale_of(in);
  frame.interactive = in.integer(ofx::ImageEffectPropInteractiveRenderStatus) != 0 || in_sequence(frame.time, true);
  frame.output = output_.fetch(frame.time);
  if (!frame.output || !in.rect(ofx::ImageEffectPropRenderWindow, &frame.window)) return ofx::StatFailed;
  frame.window = intersection(frame.window, frame.output->image().bounds);
  try {
    prepare(frame);
    work(frame);
    return ofx::StatOK;
  } catch (const Error &error) {
    write_source(frame);
    if (error.kind == Error::Aborted) return ofx::StatFailed;  // the user knows
    messages_.error(sentence(tool_.label, error.what()));
  } catch (const std::exception &error) {
    // Whatever went wrong: MLT ignores the status and shows the output, which would be uninitialised memory.
    write_source(frame);
    messages_.error(sentence(tool_.label, error.what()));
  }
  const bool in_viewer = frame.interactive && !suites_.is_background();
  return in_viewer && params_.on("source_on_error", frame.time) ? ofx::StatOK : ofx::StatFailed;
}

void Node::prepare(Frame &frame) const {
  const Clip &source = clip(ofx::ImageEffectSimpleSourceClipName);
  if (!source.connected()) throw std::runtime_error("Connect a plate to the Source");
  frame.source = source.fetch(frame.time);
  if (!frame.source) throw Error(Error::Aborted, "");  // Nuke gives none while the user interrupts
  if (frame.source->image().layout.channels == 1) {
    throw std::runtime_error("The Source has one channel; expected RGB or RGBA");
  }
  frame.pass = params_.text("output", frame.time);
  const bool is_result = frame.pass == tool_.passes[0].name;
  frame.alpha_from_result = !is_result || (*tool_.alpha_knob && params_.on(tool_.alpha_knob, frame.time));
  for (const table::Option &pass : tool_.passes) {
    if (frame.pass == pass.name && pass.neutral.kind == table::Value::Numbers) {
      frame.neutral = float(pass.neutral.numbers[0]);
    }
  }
  if (!is_result && !frame.neutral) return;  // normals laid over a plate, or halved, would be nothing at all
  frame.mix = float(params_.number("mix", frame.time));
  if (!params_.on("use_mask", frame.time)) return;
  for (const table::Clip &described : tool_.clips) {
    if (!described.mask || !clip(described.name).connected()) continue;
    frame.mask = clip(described.name).fetch(frame.time);
    frame.invert = params_.on("invert_mask", frame.time);
  }
}

// What must not be rendered although it could be. Throws the sentence.
void Node::check(const Frame &frame) {
  const bool sequence = !frame.interactive && in_sequence(frame.time, false);
  // A farm renders a shot in chunks, perhaps of one frame each, so that the sequence alone does not tell a still.
  const ofx::RangeD shot = clip(ofx::ImageEffectSimpleSourceClipName).frames();
  const bool moving = sequence || (!frame.interactive && shot.max > shot.min);
  if (*tool_.analysed_flag && moving && !params_.on(tool_.analysed_flag, frame.time)) {
    throw std::runtime_error("press Analyse shot");  // else each frame would be fitted alone, and flicker
  }
  const std::string show = params_.text("show", frame.time);
  if (show != "base" && params_.text("version", frame.time).empty() && (sequence || suites_.is_background())) {
    throw std::runtime_error("Version is empty: a background render of the show '" + show +
                             "' needs the exact model version, such as v003");
  }
}

void Node::work(Frame &frame) {
  const Image &source = frame.source->image();
  if (passes_through(frame.time)) {  // not every host asks before it renders: MLT never does
    write_source(frame);
    return messages_.clear();
  }
  check(frame);
  std::string missing;
  const std::string space = input_space(frame.time, &missing);
  if (!missing.empty()) {
    if (frame.pass != tool_.passes[0].name) throw std::runtime_error(missing);
    write_source(frame);
    return messages_.warn(sentence(tool_.label, missing));
  }
  if (empty(source.region)) throw std::runtime_error("The Source has no pixels at this frame");
  const Rect part = intersection(frame.window, source.region);
  if (empty(part)) return write_source(frame);

  Request asked = request(frame.time, source, frame.scale);
  asked.parameters["frame.colourspace"] = space;
  asked.parameters["frame.output"] = frame.pass;
  asked.parameters["frame.priority"] = std::string(frame.interactive ? "interactive" : "farm");
  asked.parameters["frame.render_window"] = std::to_string(part.x1) + "," + std::to_string(part.y1) + "," +
                                            std::to_string(part.x2) + "," + std::to_string(part.y2);
  const std::vector<Picture> held = gather(frame.time, source.region, &asked);
  const bool half = source.layout.travels_as_half();
  asked.out_width = width(part);
  asked.out_height = height(part);
  asked.out_half = half;
  asked.aborted = [this] { return suites_.effects->abort(effect_) != 0; };
  asked.read = [&](const void *result) { write_result(frame, result, part, {half ? Sample::Half : Sample::Float, 4}); };
  const Reply reply = infer(asked);
  messages_.clear();
  const std::lock_guard<std::mutex> lock(mutex_);
  remark_ = text_of(reply.parameters, "status");
}

// The window: the source, and over `part` of it the result under mask and mix.
void Node::write_result(const Frame &frame, const void *result, const Rect &part, Layout wire) const {
  const Image &output = frame.output->image(), &source = frame.source->image();
  const Layout layout = output.layout;
  Blend blend;
  blend.sample = layout.sample;
  blend.channels = layout.channels;
  blend.mix = frame.mix;
  blend.alpha_from_result = frame.alpha_from_result;
  blend.neutral = frame.neutral;
  Blend outside = blend;  // of the Source's region, where nothing is done
  outside.mix = 0;
  const std::size_t pixel = layout.pixel_bytes(), pixels = std::size_t(width(part));
  const auto rows = [&](int first, int last) {
    std::vector<unsigned char> plate_scratch, result_scratch(layout == wire ? 0 : pixels * pixel);
    std::vector<float> weights(frame.mask ? pixels : 0);
    for (int y = frame.window.y1 + first; y < frame.window.y1 + last; ++y) {
      const void *plate = row(source, layout, frame.window.x1, frame.window.x2, y, &plate_scratch);
      void *target = output.at(frame.window.x1, y);
      const bool inside = y >= part.y1 && y < part.y2;
      if (!inside || width(part) != width(frame.window)) {
        blend_row(outside, plate, plate, nullptr, target, std::size_t(width(frame.window)));
      }
      if (!inside) continue;
      const void *line = static_cast<const unsigned char *>(result) +
                         std::size_t(part.y2 - 1 - y) * pixels * wire.pixel_bytes();  // top row first
      if (!(layout == wire)) {
        convert_row(wire, line, layout, result_scratch.data(), pixels);
        line = result_scratch.data();
      }
      if (frame.mask) mask_row(frame.mask->image(), frame.invert, part.x1, part.x2, y, weights.data());
      const std::size_t left = std::size_t(part.x1 - frame.window.x1) * pixel;
      blend_row(blend, static_cast<const unsigned char *>(plate) + left, line, frame.mask ? weights.data() : nullptr,
                static_cast<unsigned char *>(target) + left, pixels);
    }
  };
  const int lines = height(frame.window);
  in_parts(lines, std::size_t(lines) * pixels * pixel, rows);
}

// The source, or black where there is none.
void Node::write_source(const Frame &frame) const {
  const Image &output = frame.output->image();
  const Image none;
  const Image &source = frame.source ? frame.source->image() : none;
  std::vector<unsigned char> scratch;
  for (int y = frame.window.y1; y < frame.window.y2; ++y) {
    const void *plate = row(source, output.layout, frame.window.x1, frame.window.x2, y, &scratch);
    std::memcpy(output.at(frame.window.x1, y), plate, std::size_t(width(frame.window)) * output.layout.pixel_bytes());
  }
}

}  // namespace onelight
