// One request on its way to one server: where its frames lie, how they travel, and what is tried when that fails.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "client.h"
#include "client_message.h"
#include "client_rpc.h"
#include "pool.h"

namespace onelight {

class Exchange {
 public:
  // `revive` brings back a server that stopped in mid-frame, where that is up to us; empty: it is waited for a little.
  Exchange(const Request &request, Connection &connection, const Patience &patience, bool may_share_memory,
           std::function<void()> revive);
  ~Exchange();
  // Throws Error, and whatever the request's functions throw.
  Reply run();

 private:
  [[noreturn]] void give_up(const grpc::Status &status);
  void poison();
  void start_over();
  bool comes_back();
  void place();
  bool placed() const;
  bool place_shared();
  bool forget_shared();
  bool registered(Segment &segment);
  std::string region_of(const Segment &segment) const;
  bool server_knows(const std::string &region);
  bool server_knows_regions();
  void put_ahead(Frame &frame);
  void send_again(const std::string &missing);
  std::string key(const Frame &frame) const { return request_.show + '\n' + frame.hash; }
  Reply finish(const Outcome &outcome);

  const Request &request_;
  Connection &connection_;
  const Patience &patience_;
  const bool may_share_;
  const std::function<void()> revive_;
  const std::string token_;  // empty: none is needed, or there is none
  std::vector<Frame> frames_;
  Output output_;
  uint64_t lease_ = 0;     // of the shared memory in use; 0 where bytes are sent
  bool answered_ = false;  // the server has finished with the frames
};

}  // namespace onelight
