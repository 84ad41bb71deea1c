// onelight_threads: a host that renders from four threads at once through the bundle, on a server that runs. One
// process without a Python in it, so that a thread sanitizer sees every line of ours and next to nothing else.
//
//   onelight_threads <Onelight.ofx> <personality> <address> frames|abort|missing|restart
//
// Ends with 0 when every frame was what it had to be and the host has nothing to complain about.
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "node.h"

namespace {

using ofxhost::Host;
using threads::Node;

constexpr int thread_count = 4;
constexpr int frames_each = 16;
constexpr int endless = 60000;  // milliseconds of work, more than any test waits
constexpr double time_limit = 20;

void require(bool held, const std::string &otherwise) {
  if (!held) throw std::runtime_error(otherwise);
}

// Calls work(0) ... work(3), each on a thread of its own, and `meanwhile` on this one; throws what one of them threw.
template <typename Work, typename Meanwhile>
void in_four_threads(const Work &work, const Meanwhile &meanwhile) {
  std::exception_ptr troubles[thread_count + 1];
  const auto careful = [&troubles](int index, const auto &call) {
    try {
      call();
    } catch (...) {
      troubles[index] = std::current_exception();
    }
  };
  std::vector<std::thread> all;
  for (int i = 0; i < thread_count; ++i) all.emplace_back([&, i] { careful(i, [&] { work(i); }); });
  careful(thread_count, meanwhile);
  for (std::thread &thread : all) thread.join();
  for (const std::exception_ptr &trouble : troubles) {
    if (trouble) std::rethrow_exception(trouble);
  }
}

// The nodes that four threads render with: one for all, or where the host makes one for every frame, one each.
class Nodes {
 public:
  Nodes(Host &host, const std::string &address) {
    const int count = host.personality.instance_per_frame ? thread_count : 1;
    for (int i = 0; i < count; ++i) nodes_.push_back(std::make_unique<Node>(host, address));
  }
  Node &of(int thread) { return *nodes_[std::size_t(thread) % nodes_.size()]; }
  auto begin() { return nodes_.begin(); }
  auto end() { return nodes_.end(); }
  void set(const std::string &knob, const ofxhost::Values &value) {
    for (auto &node : nodes_) node->set(knob, value);
  }

 private:
  std::vector<std::unique_ptr<Node>> nodes_;
};

void expect_frames(Nodes &nodes) {
  in_four_threads(
      [&](int i) {
        for (int k = 0; k < frames_each; ++k) {
          const double time = 1 + i + k * thread_count;
          require(nodes.of(i).render(time), "frame " + std::to_string(time) + " failed");
        }
      },
      [] {});
}

// In MLT every frame has an instance of its own; elsewhere the user turns knobs while one instance renders.
void frames(Host &host, const std::string &address) {
  if (host.personality.instance_per_frame) {
    return in_four_threads(
        [&](int i) {
          for (int k = 0; k < frames_each; ++k) {
            Node node(host, address);
            require(node.render(1 + i + k * thread_count) && node.messages().empty(), "a frame failed");
          }
        },
        [] {});
  }
  Node node(host, address);
  in_four_threads(
      [&](int i) {
        for (int k = 0; k < frames_each; ++k) require(node.render(1 + i + k * thread_count), "a frame failed");
      },
      [&] {
        for (int edit = 0; edit < 2 * frames_each; ++edit) {
          node.set("work", {edit % 3});
          node.set("server", {ofxhost::keep(address)});
        }
      });
  require(node.messages().empty(), "the node said something");
}

void abort(Host &host, const std::string &address) {
  Nodes nodes(host, address);
  nodes.set("work", {endless});
  Node &node = nodes.of(0);
  in_four_threads([&](int i) { require(!nodes.of(i).render(1 + i), "a frame that was cancelled succeeded"); },
                  [&] {
                    // By then every thread waits for the server, and polls once in 20 ms.
                    for (int i = 0; i < 10000 && node.abort_polls() < 10 * thread_count; ++i) {
                      std::this_thread::sleep_for(std::chrono::milliseconds(5));
                    }
                    node.abort(true);
                  });
  require(node.messages().empty(), "the node complained of what the user did");
  node.abort(false);
  nodes.set("work", {0});
  expect_frames(nodes);
}

void missing(Host &host, const std::string &address) {
  Nodes nodes(host, address);
  in_four_threads([&](int i) { require(!nodes.of(i).render(1 + i), "a frame succeeded without a server"); }, [] {});
  for (auto &node : nodes) require(!node->messages().empty(), "a node kept silent about its server");
}

// Says "working", expects to have its server killed, says "failed", and expects a line once there is another.
void restart(Host &host, const std::string &address) {
  Nodes nodes(host, address);
  nodes.set("timeout", {time_limit});
  nodes.set("work", {0});
  expect_frames(nodes);
  nodes.set("work", {endless});
  std::cout << "working" << std::endl;
  in_four_threads([&](int i) { require(!nodes.of(i).render(1 + i), "a frame outlived its server"); }, [] {});
  std::cout << "failed" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  nodes.set("work", {0});
  expect_frames(nodes);
}

void play(const std::string &binary, const std::string &personality, const std::string &address,
          const std::string &scenario) {
  Host host(ofxhost::personality(personality), binary);
  if (scenario == "frames")
    frames(host, address);
  else if (scenario == "abort")
    abort(host, address);
  else if (scenario == "missing")
    missing(host, address);
  else if (scenario == "restart")
    restart(host, address);
  else
    throw std::invalid_argument("no scenario " + scenario);
  host.unload();
  std::string all;
  for (const std::string &sentence : host.violations()) all += "\n  " + sentence;
  require(all.empty(), "the host complains:" + all);
}

}  // namespace

int main(int count, char **words) {
  if (count != 5) {
    std::cerr << "usage: onelight_threads <Onelight.ofx> <personality> <address> frames|abort|missing|restart\n";
    return 2;
  }
  setenv("ONELIGHT_PROBE", "1", 1);
  try {
    play(words[1], words[2], words[3], words[4]);
  } catch (const std::exception &error) {
    std::cerr << "onelight_threads: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
