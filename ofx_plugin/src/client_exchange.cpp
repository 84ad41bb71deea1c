#include "client_exchange.h"

#include <unistd.h>

#include <chrono>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "client_credential.h"
#include "onelight/wire/studio.pb.h"

namespace onelight {
namespace {

constexpr char infer_method[] = "/inference.GRPCInferenceService/ModelInfer";
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

std::string region_name(uint64_t lease, const Segment &segment) {
  return Connection::lease_id(lease) + "/" + std::to_string(segment.serial);
}

void unregister(Segment &segment) noexcept try {
  for (const auto &[server, lease] : segment.registered) {
    inference::SystemSharedMemoryUnregisterRequest request;
    request.set_name(region_name(lease, segment));
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

}  // namespace

Exchange::Exchange(const Request &request, Connection &connection, const Patience &patience, bool may_share_memory,
                   std::function<void()> revive)
    : request_(request),
      connection_(connection),
      patience_(patience),
      may_share_(may_share_memory && connection.local()),
      revive_(std::move(revive)),
      token_(token_for(request.show, connection.confidential(), connection.address())) {
  for (const Tensor &tensor : request.inputs) {
    frames_.emplace_back();
    frames_.back().tensor = &tensor;
    frames_.back().bytes = tensor_bytes(tensor.width, tensor.height, tensor.half);
  }
  if (request.wants_output) output_.bytes = tensor_bytes(request.out_width, request.out_height, request.out_half);
}

// Whatever went wrong in between, the server may still be at work on what it was given.
Exchange::~Exchange() {
  if (!answered_) poison();
}

Reply Exchange::run() {
  bool restarted = false, forgotten = false;
  for (int resent = 0;;) {
    if (!connection_.reach(patience_)) {
      if (!revive_ || restarted) give_up(unreached(patience_));
      restarted = true;
      start_over();
      if (!comes_back()) give_up(unreached(patience_));
    }
    place();
    const Outcome outcome = connection_.call(infer_method, encode(request_, frames_, output_), patience_, token_);
    const auto code = outcome.status.error_code();
    if (code == grpc::StatusCode::OK) return finish(outcome);
    if (code == grpc::StatusCode::FAILED_PRECONDITION && !outcome.missing.empty() && resent++ < 3) {
      send_again(outcome.missing);
    } else if ((code == grpc::StatusCode::NOT_FOUND || code == grpc::StatusCode::INVALID_ARGUMENT) && lease_ &&
               !forgotten && !server_knows_regions()) {
      forgotten = true;
      start_over();
    } else if (code == grpc::StatusCode::UNAVAILABLE && !restarted) {
      // It died since; a server that is ours to start is started again, once.
      restarted = true;
      start_over();
      if (!comes_back()) give_up(outcome.status);
    } else {
      give_up(outcome.status);
    }
  }
}

void Exchange::give_up(const grpc::Status &status) {
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

void Exchange::poison() {
  for (Frame &frame : frames_) {
    if (frame.segment && frame.segment->fd >= 0) frame.segment->poisoned = true;
  }
  if (output_.segment) output_.segment->poisoned = true;
}

void Exchange::start_over() {
  poison();
  for (Frame &frame : frames_) frame.segment.reset();
  output_.segment.reset();
  lease_ = 0;
  connection_.drop_lease();
}

bool Exchange::comes_back() {
  if (revive_) revive_();
  const auto until = Patience::Clock::now() + restart_grace;
  while (!patience_.over() && Patience::Clock::now() < until) {
    if (connection_.reach(patience_)) return true;
    std::this_thread::sleep_for(Patience::poll);
  }
  return false;
}

// Puts every frame that is not in its place yet into a buffer, and decides how it travels.
void Exchange::place() {
  if (!placed() && may_share_ && place_shared()) return;
  if (lease_) return;
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

bool Exchange::placed() const {
  return frames_.empty() ? output_.segment != nullptr : frames_.front().segment != nullptr;
}

bool Exchange::place_shared() {
  lease_ = connection_.lease(patience_);
  if (!lease_ || connection_.shared_memory_refused(lease_)) return forget_shared();
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
  for (Frame &frame : frames_) {
    frame.tensor->write(frame.segment->data);
    if (!frame.tensor->kept) continue;  // the server reads it where it lies and forgets it
    frame.hash = content_hash(frame.segment->data, *frame.tensor);
    if (connection_.sent.holds(key(frame))) frame.way = Frame::Way::Reference;
  }
  return true;
}

bool Exchange::forget_shared() {
  for (Frame &frame : frames_) {
    frame.segment.reset();
    frame.way = Frame::Way::Inline;
  }
  output_.segment.reset();
  lease_ = 0;
  return false;
}

std::string Exchange::region_of(const Segment &segment) const { return region_name(lease_, segment); }

bool Exchange::registered(Segment &segment) {
  const auto known = segment.registered.find(connection_.address());
  if (known != segment.registered.end() && known->second == lease_) return true;
  inference::SystemSharedMemoryRegisterRequest request;
  request.set_name(region_of(segment));
  request.set_key("memfd:" + std::to_string(getpid()) + ":" + std::to_string(segment.fd));
  request.set_byte_size(segment.bytes);
  segment.registered.erase(connection_.address());
  const Outcome outcome = connection_.call(register_method, serialised(request), patience_);
  switch (outcome.status.error_code()) {
    case grpc::StatusCode::OK:
      segment.registered[connection_.address()] = lease_;
      return true;
    case grpc::StatusCode::NOT_FOUND:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNIMPLEMENTED:
      // A server in another container, of another user or without shared memory: bytes do as well, from now on.
      connection_.refuse_shared_memory(lease_);
      return false;
    default:
      return false;
  }
}

bool Exchange::server_knows(const std::string &region) {
  inference::SystemSharedMemoryStatusRequest request;
  request.set_name(region);
  const Outcome outcome = connection_.call(status_method, serialised(request), patience_);
  inference::SystemSharedMemoryStatusResponse known;
  return outcome.status.ok() && parse(outcome.reply, &known) && known.regions().contains(region);
}

bool Exchange::server_knows_regions() {
  for (const Frame &frame : frames_) {
    if (!server_knows(frame.region)) return false;
  }
  return !output_.segment || server_knows(output_.region);
}

void Exchange::put_ahead(Frame &frame) {
  onelight::v1::PutFrameRequest head;
  head.set_show(request_.show);
  head.set_datatype(datatype_of(frame.tensor->half));
  head.set_height(frame.tensor->height);
  head.set_width(frame.tensor->width);
  const Outcome outcome = connection_.call(
      put_method,
      serialised(head, onelight::v1::PutFrameRequest::kPixelsFieldNumber, slice_of(frame.segment, frame.bytes)),
      patience_, token_);
  if (!outcome.status.ok()) give_up(outcome.status);
  frame.way = Frame::Way::Reference;
}

void Exchange::send_again(const std::string &missing) {
  for (Frame &frame : frames_) {
    if (("," + missing + ",").find("," + frame.tensor->name + ",") != std::string::npos) {
      frame.way = lease_ ? Frame::Way::Shared : Frame::Way::Inline;
    }
  }
}

Reply Exchange::finish(const Outcome &outcome) {
  answered_ = true;
  for (const Frame &frame : frames_) {
    if (!frame.hash.empty()) connection_.sent.add(key(frame));
  }
  const Answer answer(outcome.reply);
  if (request_.wants_output) hand_over(request_, answer, output_, pool(Pool::Kind::Private));
  return {answer.parameters(), lease_ ? "shared_memory" : "inline"};
}

}  // namespace onelight
