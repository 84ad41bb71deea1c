#include "client_rpc.h"

#include <grpcpp/create_channel.h>
#include <unistd.h>

#include <cmath>
#include <map>
#include <random>
#include <sstream>

#include "client_message.h"
#include "client_tls.h"
#include "onelight/wire/studio.pb.h"

namespace onelight {
namespace {

constexpr char lease_method[] = "/onelight.v1.Studio/Lease";

bool starts_with(const std::string &text, const std::string &prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool shares_memory(const std::string &address) {
  if (starts_with(address, "unix:")) return true;
  const std::string target = starts_with(address, "tls:") ? address.substr(4) : address;
  const std::string host = target.substr(0, target.rfind(':'));
  return host == "localhost" || host == "[::1]" || starts_with(host, "127.");
}

std::shared_ptr<grpc::Channel> channel_to(const std::string &address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // A farm's http_proxy is for web pages; gRPC would send frames, and even loopback, through it.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Else a fresh channel would share the failed one's connection attempts, and their waits.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const std::string target = starts_with(address, "tls:") ? address.substr(4) : address;
  return grpc::CreateCustomChannel(target, credentials_for(address), arguments);
}

}  // namespace

// The stream that tells the server that this process lives. Its queue is polled in passing only: the connection ends
// with the process, whatever happened to it, and that is all the server needs.
struct Connection::Lease {
  std::shared_ptr<Link> link;  // first, so that a channel ends with its link, not inside gRPC with a context
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream;
  grpc::ByteBuffer reply;
  uint64_t number = 0;

  // Waits for the one operation that was begun. False when it failed or time is up; throws when the caller gave up.
  bool done(const Patience &patience) {
    void *tag = nullptr;
    bool ok = false;
    while (!patience.over()) {
      if (queue.AsyncNext(&tag, &ok, patience.next_poll()) == grpc::CompletionQueue::GOT_EVENT) return ok;
      if (patience.aborted()) throw Error(Error::Aborted, "Cancelled");
    }
    return false;
  }
  // The pending read comes back only when the stream is over.
  bool ended() {
    void *tag = nullptr;
    bool ok = false;
    return queue.AsyncNext(&tag, &ok, Patience::Clock::now()) != grpc::CompletionQueue::TIMEOUT;
  }
  ~Lease() {
    context.TryCancel();
    queue.Shutdown();
    void *tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
    }
  }
};

struct Connection::Told {
  std::shared_ptr<Link> link;
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer reply;
  grpc::Status status;
  std::atomic<int> holders{2};  // who tells, and the queue: the answer can be there before Finish has returned

  static void let_go(Told *told) {
    if (--told->holders == 0) delete told;
  }
};

Connection::Connection(const std::string &address)
    : address_(address), local_(shares_memory(address)), link_(std::make_shared<Link>(address)) {}

Connection::Link::Link(const std::string &address) : channel(channel_to(address)), stub(channel) {}

std::shared_ptr<Connection::Link> Connection::link() const {
  const std::lock_guard<std::mutex> lock(link_mutex_);
  return link_;
}

Connection &Connection::to(const std::string &address) {
  struct Registry {
    std::mutex mutex;
    std::map<std::pair<pid_t, std::string>, std::unique_ptr<Connection>> connections;
  };
  static Registry *const registry = new Registry;  // leaked: see the header
  const std::lock_guard<std::mutex> lock(registry->mutex);
  // By process, as a forked child shares neither its parent's sockets nor its leases.
  auto &connection = registry->connections[{getpid(), address}];
  if (!connection) connection.reset(new Connection(address));
  return *connection;
}

const std::string &Connection::client_id() {
  static std::mutex mutex;
  static auto *const ids = new std::map<pid_t, std::string>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::string &id = (*ids)[getpid()];
  if (id.empty()) {
    std::random_device random;
    std::ostringstream text;
    text << "onelight-" << getpid() << '-' << std::hex << random() << random();
    id = text.str();
  }
  return id;
}

Outcome Connection::call(const std::string &method, const grpc::ByteBuffer &request, const Patience &patience,
                         const std::string &token) {
  settle();
  struct Call {
    std::shared_ptr<Link> link;
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    Outcome outcome;
    bool finished = false;
    bool poll(Patience::Clock::time_point until) {
      void *tag = nullptr;
      bool ok = false;
      finished = finished || queue.AsyncNext(&tag, &ok, until) == grpc::CompletionQueue::GOT_EVENT;
      return finished;
    }
    ~Call() {  // also when `aborted` threw: gRPC writes into the outcome until the call is over
      context.TryCancel();
      while (!poll(Patience::Clock::time_point::max())) {
      }
      queue.Shutdown();
    }
  } call;
  call.context.set_deadline(patience.end());
  if (!token.empty()) call.context.AddMetadata("authorization", "Bearer " + token);
  call.link = link();
  call.reader = call.link->stub.PrepareUnaryCall(&call.context, method, request, &call.queue);
  call.reader->StartCall();
  call.reader->Finish(&call.outcome.reply, &call.outcome.status, &call);
  while (!call.poll(Patience::Clock::now() + Patience::poll)) {
    if (patience.aborted()) throw Error(Error::Aborted, "Cancelled");
  }
  for (const auto &[key, value] : call.context.GetServerTrailingMetadata()) {
    if (key == "onelight-missing") call.outcome.missing.assign(value.data(), value.size());
  }
  return std::move(call.outcome);
}

void Connection::tell(const std::string &method, const grpc::ByteBuffer &request) noexcept try {
  auto told = std::make_unique<Told>();
  told->context.set_deadline(Patience::Clock::now() + std::chrono::seconds(5));
  told->link = link();
  told->reader = told->link->stub.PrepareUnaryCall(&told->context, method, request, &unattended_);
  told->reader->StartCall();
  Told *const tag = told.release();
  tag->reader->Finish(&tag->reply, &tag->status, tag);
  Told::let_go(tag);
} catch (const std::exception &) {
  // Out of memory: the server then learns it when the lease ends.
}

void Connection::settle() {
  void *tag = nullptr;
  bool ok = false;
  while (unattended_.AsyncNext(&tag, &ok, Patience::Clock::now()) == grpc::CompletionQueue::GOT_EVENT) {
    Told::let_go(static_cast<Told *>(tag));
  }
}

bool Connection::confidential() const { return local_ || starts_with(address_, "tls:"); }

bool Connection::connected() const { return link()->channel->GetState(false) == GRPC_CHANNEL_READY; }

bool Connection::reach(const Patience &patience) {
  std::shared_ptr<Link> at = link();
  // An attempt from before may have been made at a server that was about to end: it says nothing of its successor.
  bool ours = false;
  while (!patience.over()) {
    const grpc_connectivity_state state = at->channel->GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      if (ours) return false;
      at = renewed(at);
      ours = true;
      continue;
    }
    ours = ours || state == GRPC_CHANNEL_IDLE;
    at->channel->WaitForStateChange(state, patience.next_poll());
    if (patience.aborted()) throw Error(Error::Aborted, "Cancelled");
  }
  return false;
}

std::shared_ptr<Connection::Link> Connection::renewed(const std::shared_ptr<Link> &failed) {
  const std::lock_guard<std::mutex> lock(link_mutex_);
  if (link_ == failed) link_ = std::make_shared<Link>(address_);
  return link_;
}

uint64_t Connection::lease(const Patience &patience) {
  if (no_lease_) return 0;
  std::unique_lock<std::timed_mutex> lock(lease_mutex_, std::defer_lock);
  while (!lock.try_lock_until(patience.next_poll())) {  // the wall clock's: gcc's thread sanitizer knows no other wait
    if (patience.aborted()) throw Error(Error::Aborted, "Cancelled");
    if (patience.over()) return 0;
  }
  if (lease_ && !lease_->ended()) return lease_->number;
  lease_.reset();
  auto fresh = std::make_unique<Lease>();
  onelight::v1::LeaseRequest request;
  static std::atomic<uint64_t> leases{0};  // one count for all: two addresses can lead to the same server
  fresh->number = ++leases;
  request.set_client_id(lease_id(fresh->number));
  fresh->link = link();
  fresh->stream = fresh->link->stub.PrepareCall(&fresh->context, lease_method, &fresh->queue);
  fresh->stream->StartCall(nullptr);
  if (!fresh->done(patience)) return 0;
  fresh->stream->Write(serialised(request), nullptr);
  if (!fresh->done(patience)) return 0;
  fresh->stream->Read(&fresh->reply, nullptr);
  if (!fresh->done(patience)) {
    grpc::Status status;
    fresh->stream->Finish(&status, nullptr);
    no_lease_ = fresh->done(patience) && status.error_code() == grpc::StatusCode::UNIMPLEMENTED;
    return 0;
  }
  fresh->stream->Read(&fresh->reply, nullptr);
  lease_ = std::move(fresh);
  return lease_->number;
}

void Connection::drop_lease() {
  const std::lock_guard<std::timed_mutex> lock(lease_mutex_);
  lease_.reset();
  no_lease_ = false;
  sent.clear();
}

grpc::Status unreached(const Patience &patience) {
  return {patience.over() ? grpc::StatusCode::DEADLINE_EXCEEDED : grpc::StatusCode::UNAVAILABLE, ""};
}

Error failure(const Connection &connection, const grpc::Status &status, const Patience &patience) {
  const std::string &sentence = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED: {
      std::ostringstream text;
      text << "No answer within " << std::round(patience.seconds() * 10) / 10 << " s from the " << connection.name();
      return {Error::Deadline, text.str()};
    }
    case grpc::StatusCode::UNAVAILABLE:
      // With the connection up these are the server's own words (it is shutting down), else they are gRPC's.
      if (connection.connected() && !sentence.empty() && sentence.find("ocket") == std::string::npos) {
        return {Error::Unavailable, sentence};
      }
      return {Error::Unavailable, connection.name() + " does not answer: start it with `onelight serve`"};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Error::Refused, "The server at " + connection.address() + " is not an Onelight server: " + sentence};
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DATA_LOSS:
      return {Error::Internal, sentence.empty() ? connection.name() + " failed without saying why" : sentence};
    default:
      return {Error::Refused, sentence.empty() ? connection.name() + " refused without saying why" : sentence};
  }
}

}  // namespace onelight
