// One instance of a tool in a host's graph: its clips, what it answers to a host's questions, and its renders.
#pragma once

#include <mutex>

#include "clip.h"
#include "message.h"
#include "params.h"

namespace onelight {

class Node {
 public:
  Node(const Suites &suites, const table::Tool &tool, ofx::Effect effect);

  // What a host asks before a render; none of these sends anything.
  ofx::Status region_of_definition(const Properties &in, const Properties &out) const;
  ofx::Status regions_of_interest(const Properties &in, const Properties &out) const;
  ofx::Status frames_needed(const Properties &in, const Properties &out) const;
  ofx::Status clip_preferences(const Properties &out) const;
  ofx::Status output_colourspace(const Properties &out) const;
  ofx::Status is_identity(const Properties &in, const Properties &out) const;
  ofx::Status begin_sequence(const Properties &in);
  ofx::Status end_sequence(const Properties &in);

  ofx::Status render(const Properties &in);
  ofx::Status changed(const Properties &in);

 private:
  struct Sequence {
    double first, last;
    bool interactive;
  };
  struct Scale {
    double x, y;
  };
  struct Frame;  // all that one render knows, in render.cpp

  static Scale scale_of(const Properties &in);
  static Sequence sequence_of(const Properties &in);
  const Clip &clip(const std::string &name) const;
  bool passes_through(ofx::Time time) const;
  bool in_sequence(ofx::Time time, bool interactive);
  std::vector<int> neighbours(const table::Clip &described, ofx::Time time) const;  // offsets, those that exist

  // Rendering: render.cpp
  void prepare(Frame &frame) const;
  void check(const Frame &frame);
  void work(Frame &frame);
  void write_result(const Frame &frame, const void *result, const Rect &part, Layout layout) const;
  void write_source(const Frame &frame) const;

  // What is sent: request.cpp
  std::string input_space(ofx::Time time, std::string *missing) const;
  // With a `factor` above 1 everything is as if the host had asked for a proxy that much smaller.
  Request request(ofx::Time time, const Image &source, Scale scale, int factor = 1) const;
  static void add(const table::Clip &clip, int offset, const Image &image, const Rect &window, int factor,
                  Request *request);
  // Adds the other clips, with their neighbours; what is returned has to live until the request was answered.
  std::vector<Picture> gather(ofx::Time time, const Rect &window, Request *request) const;
  // A clip's frame; nothing where the host gives none, or what it gives says no more than none.
  std::optional<Picture> fetch(const table::Clip &described, ofx::Time time) const;

  // Analyse: analyse.cpp
  struct Taken {
    bool given = false, same = false;  // whether there is a frame of the Source, and whether it is the reference's
    std::vector<Picture> held;         // has to live until the request was answered
  };
  void analyse(ofx::Time time, Scale scale, const std::string &label);
  Taken sample(int reference, int offset, const Image &plate, int factor, Request *request) const;
  void write_found(const Reply &reply, const std::string &label, int frames, bool all_same, ofx::Time time);
  std::vector<int> sampled(ofx::Time time, int *reference) const;

  // Edits: changed.cpp
  enum class Resolve { Version, Show, Update };
  std::map<std::string, std::string> model_of(const std::string &version, ofx::Time time) const;
  void resolve(Resolve what, ofx::Time time);
  void resolve_once(ofx::Time time);
  void tell(const Reply &reply, const std::string &status, Writes *writes) const;  // status and digest

  const Suites &suites_;
  const table::Tool &tool_;
  ofx::Effect effect_;
  Properties properties_;
  Params params_;
  std::vector<Clip> clips_;  // in the table's order
  Clip output_;
  Messages messages_;
  bool resolved_ = false;            // whether this node's model was asked for since it is there
  std::mutex mutex_;                 // of what follows: frames of one node render at the same time
  std::vector<Sequence> sequences_;  // that are being rendered
  std::string remark_;  // what the server said of the last frame; a render writes no knob, the next edit does
};

}  // namespace onelight
