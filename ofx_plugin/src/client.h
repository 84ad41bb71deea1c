// The client's face: one call that sends a frame's clips and knobs to a server and hands the answer back.
// No gRPC or protobuf type appears here, so that neither reaches a file that also sees a host.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace onelight {

// Pixels, y up, x2 and y2 excluded.
struct Rect {
  int x1, y1, x2, y2;
};

using Value = std::variant<bool, int64_t, double, std::string>;

// One frame of one clip: packed RGBA, top row first, in the plate's own encoding.
struct Tensor {
  std::string name;  // "Source@+0", "Source@-2", "Depth@+0"
  int width = 0, height = 0;
  bool half = false;  // FP16, else FP32
  // Fills width * height * 4 samples straight into the buffer that is sent. Called from the thread that called
  // infer(), and again when the frame has to be sent a second time.
  std::function<void(void *dst)> write;
  bool kept = false;  // the server keeps it, since other frames need it too: it travels once
};

struct Request {
  std::string server;  // "host:port", "unix:/path", "tls:host:port"; empty: the local one, found or started
  std::string show, tool, version;          // version empty: the show's default
  std::map<std::string, Value> parameters;  // knobs by their spec name, and frame.*
  std::vector<Tensor> inputs;
  bool wants_output = true;
  int out_width = 0, out_height = 0;
  bool out_half = false;
  // Called once, from the thread that called infer(), with the packed pixels of Output; nothing is read on failure.
  std::function<void(const void *src)> read;
  double deadline_seconds = 30;
  std::function<bool()> aborted;  // polled at least every 20 ms from the thread that called infer(); may be empty
};

struct Reply {
  std::map<std::string, Value> parameters;  // digest, version, provider, status, seconds, analysed knobs ...
  std::string transport;                    // "shared_memory" or "inline"
};

class Error : public std::runtime_error {
 public:
  enum Kind { Aborted, Unavailable, Deadline, Refused, Internal };
  Error(Kind kind, const std::string &sentence) : std::runtime_error(sentence), kind(kind) {}
  Kind kind;  // what() is the sentence to show at the node
};

// Sends one request and waits for its answer. Thread-safe; channels are process-wide and made on first use.
// Throws Error and nothing else.
Reply infer(const Request &request);

// What a show and version stand for on a server: "version", "digest", "state" (empty where the show keeps none),
// "default" (what an empty version means; empty: nothing), "provider", "runtime". Nothing is computed for it.
// Throws Error and nothing else.
std::map<std::string, std::string> model(const std::string &server, const std::string &show, const std::string &tool,
                                         const std::string &version, double seconds);

// Whether a server is alive: an empty string, or the sentence that says why not.
std::string ping(const std::string &server, double seconds);

// For benchmarks and tests: inline_bytes never tries shared memory, and always sends the bytes.
enum class Transport { automatic, inline_bytes };
void set_transport(Transport transport);

}  // namespace onelight
