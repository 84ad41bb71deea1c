#include "client.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>

#include "client_message.h"
#include "client_rpc.h"
#include "local_server.h"
#include "onelight/wire/studio.pb.h"

namespace onelight {
namespace {

constexpr char infer_method[] = "/inference.GRPCInferenceService/ModelInfer";
constexpr char ready_method[] = "/inference.GRPCInferenceService/ServerReady";
constexpr char register_method[] = "/inference.GRPCInferenceService/SystemSharedMemoryRegister";
constexpr char unregister_method[] = "/inference.GRPCInferenceService/SystemSharedMemoryUnregister";
constexpr char status_method[] = "/inference.GRPCInferenceService/SystemSharedMemoryStatus";
constexpr char put_method[] = "/onelight.v1.Studio/PutFrame";

// What is kept for the next frame: nine float neighbours at 4096 x 2160 and their answer.
constexpr std::size_t idle_limit = std::size_t(1600) << 20;
// A message must stay below protobuf's 2 GB; frames beyond this go ahead one by one.
constexpr std::size_t message_limit = std::size_t(1536) << 20;
// How long a server that died while it worked is given to come back.
constexpr std::chrono::milliseconds restart_grace{1500};

std::atomic<Transport> chosen_transport{Transport::automatic};

std::string region_of(const Segment &segment) {
  return Connection::client_id() + "/" + std::to_string(segment.serial);
}

void unregister(Segment &segment) noexcept try {
  inference::SystemSharedMemoryUnregisterRequest request;
  request.set_name(region_of(segment));
  for (const auto &[server, lease] : segment.registered) {
    Connection::to(server).tell(unregister_method, serialised(request));
  }
} catch (const std::exception &) {
  // Out of memory: the server drops the region with the lease.
}

// Pools are leaked like connections are, and kept by process: a forked child must not write into its parent's frames.
Pool &pool(Pool::Kind kind) {
  static std::mutex mutex;
  static auto *const pools = new std::map<std::pair<pid_t, Pool::Kind>, std::unique_ptr<Pool>>;
  const std::lock_guard<std::mutex> lock(mutex);
  auto &found = (*pools)[{getpid(), kind}];
  if (!found) found = std::make_unique<Pool>(kind, Connection::client_id(), idle_limit, unregister);
  return *found;
}

bool ready(Connection &connection, const Patience &patience) {
  if (connection.failing() && !connection.reconnect(patience)) return false;
  const Outcome outcome = connection.call(ready_method, grpc::ByteBuffer(serialised(inference::ServerReadyRequest())),
                                          patience);
  inference::ServerReadyResponse answer;
  return outcome.status.ok() && parse(outcome.reply, &answer) && answer.ready();
}

std::string address_for(const std::string &asked, const Patience &patience) {
  if (!asked.empty()) return asked;
  if (const char *address = std::getenv("ONELIGHT_SERVER"); address && *address) return address;
  const std::string local = local_address();
  if (Connection::to(local).connected()) return local;
  return local_server(patience, [&](const std::string &address) { return ready(Connection::to(address), patience); });
}

// One request on its way to one server: where its frames lie, and what was tried.
class Exchange {
 public:
  Exchange(const Request &request, Connection &connection, const Patience &patience)
      : request_(request), connection_(connection), patience_(patience) {
    for (const Tensor &tensor : request.inputs) {
      frames_.push_back({&tensor, tensor_bytes(tensor.width, tensor.height, tensor.half), nullptr, {}, {}, {}});
    }
    if (request.wants_output) {
      output_.bytes = tensor_bytes(request.out_width, request.out_height, request.out_half);
    }
  }

  // Whatever went wrong in between, the server may still be at work on what it was given.
  ~Exchange() {
    if (!answered_) poison();
  }

  Reply run() {
    bool restarted = false, forgotten = false;
    for (int resent = 0;;) {
      const bool was_connected = connection_.connected();
      if (connection_.failing() && !connection_.reconnect(patience_) && !restarted) give_up(unavailable());
      place();
      const Outcome outcome =
          connection_.call(infer_method, encode(request_, frames_, output_), patience_);
      const auto code = outcome.status.error_code();
      if (code == grpc::StatusCode::OK) return finish(outcome);
      if (code == grpc::StatusCode::FAILED_PRECONDITION && !outcome.missing.empty() && resent++ < 3) {
        send_again(outcome.missing);
      } else if (code == grpc::StatusCode::NOT_FOUND && lease_ && !forgotten && !server_knows_regions()) {
        forgotten = true;
        start_over();
      } else if (code == grpc::StatusCode::UNAVAILABLE && was_connected && !restarted) {
        restarted = true;
        start_over();
        if (!comes_back()) give_up(outcome.status);
      } else {
        give_up(outcome.status);
      }
    }
  }

 private:
  static grpc::Status unavailable() { return {grpc::StatusCode::UNAVAILABLE, ""}; }

  [[noreturn]] void give_up(const grpc::Status &status) {
    // These say that the server has finished with the request; after anything else it may still read the frames.
    switch (status.error_code()) {
      case grpc::StatusCode::INVALID_ARGUMENT:
      case grpc::StatusCode::NOT_FOUND:
      case grpc::StatusCode::FAILED_PRECONDITION:
      case grpc::StatusCode::RESOURCE_EXHAUSTED:
        answered_ = true;
        break;
      default:
        break;
    }
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) connection_.drop_lease();
    throw failure(connection_, status, patience_);
  }

  void poison() {
    for (Frame &frame : frames_) {
      if (frame.segment && frame.segment->fd >= 0) frame.segment->poisoned = true;
    }
    if (output_.segment) output_.segment->poisoned = true;
  }

  void start_over() {
    poison();
    for (Frame &frame : frames_) frame.segment.reset();
    output_.segment.reset();
    connection_.drop_lease();
  }

  bool comes_back() {
    const auto until = Patience::Clock::now() + restart_grace;
    while (!patience_.over() && Patience::Clock::now() < until) {
      if (connection_.reconnect(patience_)) return true;
      std::this_thread::sleep_for(Patience::poll);
    }
    return false;
  }

  // Puts every frame that is not in its place yet into a buffer, and decides how it travels.
  void place() {
    if (!placed() && connection_.local() && chosen_transport == Transport::automatic && place_shared()) return;
    std::size_t inline_bytes = 0;
    for (Frame &frame : frames_) {
      if (!frame.segment) {
        frame.segment = pool(Pool::Kind::Private).take(frame.bytes);
        frame.tensor->write(frame.segment->data);
        frame.hash = content_hash(frame.segment->data, *frame.tensor);
        frame.way = connection_.sent.holds(key(frame)) ? Frame::Way::Reference : Frame::Way::Inline;
      }
      if (frame.way != Frame::Way::Inline) continue;
      if ((inline_bytes += frame.bytes) > message_limit) put_ahead(frame);
    }
  }

  bool placed() const { return !frames_.empty() ? frames_[0].segment != nullptr : output_.segment != nullptr; }

  bool place_shared() {
    lease_ = connection_.lease(patience_);
    if (!lease_ || connection_.shared_memory_refused(lease_)) return false;
    try {
      for (Frame &frame : frames_) frame.segment = pool(Pool::Kind::Shared).take(frame.bytes);
      if (request_.wants_output) output_.segment = pool(Pool::Kind::Shared).take(output_.bytes);
    } catch (const std::system_error &) {  // no memory for it, or a sandbox without memfd: bytes may still do
      return forget_shared();
    }
    for (Frame &frame : frames_) {
      if (!registered(*frame.segment)) return forget_shared();
      frame.way = Frame::Way::Shared;
      frame.region = region_of(*frame.segment);
    }
    if (output_.segment) {
      if (!registered(*output_.segment)) return forget_shared();
      output_.region = region_of(*output_.segment);
    }
    for (Frame &frame : frames_) frame.tensor->write(frame.segment->data);
    return true;
  }

  bool forget_shared() {
    for (Frame &frame : frames_) {
      frame.segment.reset();
      frame.way = Frame::Way::Inline;
    }
    output_.segment.reset();
    lease_ = 0;
    return false;
  }

  bool registered(Segment &segment) {
    uint64_t &known = segment.registered[connection_.address()];
    if (known == lease_) return true;
    inference::SystemSharedMemoryRegisterRequest request;
    request.set_name(region_of(segment));
    request.set_key("memfd:" + std::to_string(getpid()) + ":" + std::to_string(segment.fd));
    request.set_byte_size(segment.bytes);
    const Outcome outcome = connection_.call(register_method, serialised(request), patience_);
    if (outcome.status.ok()) {
      known = lease_;
      return true;
    }
    segment.registered.erase(connection_.address());
    // A server in another container, of another user or without shared memory: bytes do as well.
    connection_.refuse_shared_memory(lease_);
    return false;
  }

  bool server_knows_regions() {
    const Outcome outcome =
        connection_.call(status_method, serialised(inference::SystemSharedMemoryStatusRequest()), patience_);
    inference::SystemSharedMemoryStatusResponse known;
    if (!outcome.status.ok() || !parse(outcome.reply, &known)) return true;
    for (const Frame &frame : frames_) {
      if (!known.regions().contains(frame.region)) return false;
    }
    return !output_.segment || known.regions().contains(output_.region);
  }

  void put_ahead(Frame &frame) {
    onelight::v1::PutFrameRequest head;
    head.set_show(request_.show);
    head.set_datatype(frame.tensor->half ? "FP16" : "FP32");
    head.set_height(frame.tensor->height);
    head.set_width(frame.tensor->width);
    const Outcome outcome = connection_.call(
        put_method,
        serialised(head, onelight::v1::PutFrameRequest::kPixelsFieldNumber, slice_of(frame.segment, frame.bytes)),
        patience_);
    if (!outcome.status.ok()) give_up(outcome.status);
    frame.way = Frame::Way::Reference;
  }

  void send_again(const std::string &missing) {
    for (Frame &frame : frames_) {
      if (("," + missing + ",").find("," + frame.tensor->name + ",") != std::string::npos) {
        frame.way = Frame::Way::Inline;
      }
    }
  }

  std::string key(const Frame &frame) const { return request_.show + '\n' + frame.hash; }

  Reply finish(const Outcome &outcome) {
    answered_ = true;
    for (const Frame &frame : frames_) {
      if (frame.way != Frame::Way::Shared) connection_.sent.add(key(frame));
    }
    const Answer answer(outcome.reply);
    if (request_.wants_output) hand_over(request_, answer, output_, pool(Pool::Kind::Private));
    return {answer.parameters(), lease_ ? "shared_memory" : "inline"};
  }

  const Request &request_;
  Connection &connection_;
  const Patience &patience_;
  std::vector<Frame> frames_;
  Output output_;
  uint64_t lease_ = 0;  // of the shared memory in use; 0 where bytes are sent
  bool answered_ = false;
};

void check(const Request &request) {
  for (const Tensor &tensor : request.inputs) {
    if (tensor.width < 1 || tensor.height < 1 || !tensor.write) {
      throw Error(Error::Refused, "Clip " + tensor.name + " has no pixels to send: its window is " +
                                      std::to_string(tensor.width) + "x" + std::to_string(tensor.height));
    }
  }
  if (request.wants_output && (request.out_width < 1 || request.out_height < 1)) {
    throw Error(Error::Refused, "There is nothing to render: the render window is " +
                                    std::to_string(request.out_width) + "x" + std::to_string(request.out_height));
  }
}

}  // namespace

void set_transport(Transport transport) { chosen_transport = transport; }

Reply infer(const Request &request) try {
  check(request);
  const Patience patience(request.deadline_seconds, request.aborted);
  if (patience.aborted()) throw Error(Error::Aborted, "Cancelled");
  Connection &connection = Connection::to(address_for(request.server, patience));
  return Exchange(request, connection, patience).run();
} catch (const Error &) {
  throw;
} catch (const std::bad_alloc &) {
  throw Error(Error::Internal, "Not enough memory to send this frame");
} catch (const std::exception &problem) {  // the entry point: a host must never see anything but an Error
  throw Error(Error::Internal, std::string("The frame could not be sent: ") + problem.what());
}

std::string ping(const std::string &server, double seconds) try {
  const Patience patience(seconds, {});
  Connection &connection = Connection::to(address_for(server, patience));
  if (connection.failing() && !connection.reconnect(patience)) {
    return failure(connection, {grpc::StatusCode::UNAVAILABLE, ""}, patience).what();
  }
  const Outcome outcome = connection.call(ready_method, serialised(inference::ServerReadyRequest()), patience);
  if (!outcome.status.ok()) return failure(connection, outcome.status, patience).what();
  inference::ServerReadyResponse answer;
  if (!parse(outcome.reply, &answer) || !answer.ready()) return connection.name() + " is not ready yet";
  return {};
} catch (const std::exception &problem) {  // the entry point, as above
  return problem.what();
}

}  // namespace onelight
