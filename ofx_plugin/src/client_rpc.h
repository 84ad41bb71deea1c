// Connections: one per server address and process, with its channel, its lease and what the server is known to hold.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "client.h"
#include "client_sent.h"
#include "patience.h"

namespace onelight {

struct Outcome {
  grpc::Status status;
  grpc::ByteBuffer reply;
  std::string missing;  // tensors the server wants to be sent in full
};

class Connection {
 public:
  // The connection to `address`, made on first use. Never destroyed: gRPC's own threads outlive every static destructor
  // and every dlclose, and a host may still be rendering while it exits.
  static Connection &to(const std::string &address);

  const std::string &address() const { return address_; }
  bool local() const { return local_; }  // may this server see this process's memory?
  bool confidential() const;             // can nobody else read what is sent?

  // One unary call. Cancelled as soon as `patience` says so: throws Error(Aborted); every other end is an Outcome.
  // A token that is not empty goes along.
  Outcome call(const std::string &method, const grpc::ByteBuffer &request, const Patience &patience,
               const std::string &token = "");
  // The same for something that nobody waits for.
  void tell(const std::string &method, const grpc::ByteBuffer &request) noexcept;

  bool connected() const;  // now, as far as gRPC knows
  // Connects unless connected already, at once, without the wait that gRPC keeps between attempts. False when an
  // attempt that began after this call did failed, or time is up: `unreached` says which.
  bool reach(const Patience &patience);

  // Holds, or takes, the lease under which shared memory is registered, and returns its number, unique in the process:
  // it changes when the server has forgotten what was registered. 0 when the server gives none.
  uint64_t lease(const Patience &patience);
  void drop_lease();
  void refuse_shared_memory(uint64_t lease) { refused_ = lease; }
  bool shared_memory_refused(uint64_t lease) const { return refused_ == lease; }

  SentFrames sent;

  // Identifies this process, and one of its leases, to servers; the second is the prefix of its regions' names. Each
  // lease has its own, so that a server which notices late that one has ended does not drop what the next registered.
  static const std::string &client_id();
  static std::string lease_id(uint64_t lease) { return client_id() + "." + std::to_string(lease); }
  // For sentences: "the Onelight server at unix:/run/..."
  std::string name() const { return "Onelight server at " + address_; }

 private:
  explicit Connection(const std::string &address);
  struct Told;
  struct Lease;
  // A channel that failed is not mended but replaced: a fresh one tries at once, and says when it did not get through,
  // while a failed one keeps quiet about its further attempts.
  struct Link {
    explicit Link(const std::string &address);
    std::shared_ptr<grpc::Channel> channel;
    grpc::GenericStub stub;
  };
  std::shared_ptr<Link> link() const;
  std::shared_ptr<Link> renewed(const std::shared_ptr<Link> &failed);  // the one now, if others were faster
  void settle();  // takes in what happened on the queue that nobody waits on

  const std::string address_;
  const bool local_;
  mutable std::mutex link_mutex_;
  std::shared_ptr<Link> link_;
  grpc::CompletionQueue unattended_;  // no thread of ours sits on it: calls poll it in passing
  std::timed_mutex lease_mutex_;
  std::unique_ptr<Lease> lease_;
  std::atomic<bool> no_lease_{false};  // this server knows no leases, so shared memory is not for it
  std::atomic<uint64_t> refused_{0};
};

// Why `Connection::reach` returned false, as a status.
grpc::Status unreached(const Patience &patience);
// Turns a failed status into the sentence for the node.
Error failure(const Connection &connection, const grpc::Status &status, const Patience &patience);

}  // namespace onelight
