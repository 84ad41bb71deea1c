#include "client.h"

#include <atomic>
#include <cstdlib>
#include <new>

#include "client_credential.h"
#include "client_exchange.h"
#include "client_job.h"
#include "client_message.h"
#include "client_rpc.h"
#include "local_server.h"

namespace onelight {
namespace {

constexpr char ready_method[] = "/inference.GRPCInferenceService/ServerReady";
constexpr char metadata_method[] = "/inference.GRPCInferenceService/ModelMetadata";

std::atomic<Transport> chosen_transport{Transport::automatic};

// An empty string when the server is ready, else why not.
std::string ask_ready(Connection &connection, const Patience &patience) {
  if (!connection.reach(patience)) return failure(connection, unreached(patience), patience).what();
  const Outcome outcome = connection.call(ready_method, serialised(inference::ServerReadyRequest()), patience);
  if (!outcome.status.ok()) return failure(connection, outcome.status, patience).what();
  inference::ServerReadyResponse answer;
  return parse(outcome.reply, &answer) && answer.ready() ? "" : connection.name() + " is not ready yet";
}

std::string start_local(const Patience &patience) {
  return local_server(patience,
                      [&](const std::string &address) { return ask_ready(Connection::to(address), patience).empty(); });
}

// The address to use, and whether it is the local server's, which is ours to start.
std::pair<std::string, bool> address_for(const std::string &asked, const Patience &patience) {
  const char *set = std::getenv("ONELIGHT_SERVER");
  const std::string given = !asked.empty() ? asked : set ? set : "";
  if (given.find("://") != std::string::npos && given.compare(0, 5, "unix:") != 0) {
    throw Error(Error::Refused, "The server's address '" + given +
                                    "' begins with a scheme: server addresses are host:port, tls:host:port or "
                                    "unix:/path");
  }
  if (!given.empty()) return {given, false};
  const std::string local = local_address();
  return {Connection::to(local).connected() ? local : start_local(patience), true};
}

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
  const auto [address, ours] = address_for(request.server, patience);
  std::function<void()> revive;
  if (ours) revive = [&patience] { start_local(patience); };
  const bool may_share_memory = chosen_transport == Transport::automatic;
  Request asked = request;
  pin_job(&asked);
  const Reply reply = Exchange(asked, Connection::to(address), patience, may_share_memory, std::move(revive)).run();
  check_job(asked, reply);
  return reply;
} catch (const Error &) {
  throw;
} catch (const std::bad_alloc &) {
  throw Error(Error::Internal, "Not enough memory to send this frame");
} catch (const std::exception &problem) {  // the entry point: a host must never see anything but an Error
  throw Error(Error::Internal, std::string("The frame could not be sent: ") + problem.what());
} catch (...) {  // as above, whatever a caller's function threw
  throw Error(Error::Internal, "The frame could not be sent");
}

std::map<std::string, std::string> model(const std::string &server, const std::string &show, const std::string &tool,
                                         const std::string &version, double seconds) try {
  const Patience patience(seconds, {});
  Connection &connection = Connection::to(address_for(server, patience).first);
  if (!connection.reach(patience)) throw failure(connection, unreached(patience), patience);
  inference::ModelMetadataRequest request;
  request.set_name(show + "/" + tool);
  request.set_version(version);
  const std::string credential = token_for(show, connection.confidential(), connection.address());
  const Outcome outcome = connection.call(metadata_method, serialised(request), patience, credential);
  if (!outcome.status.ok()) throw failure(connection, outcome.status, patience);
  inference::ModelMetadataResponse answer;
  if (!parse(outcome.reply, &answer)) throw Error(Error::Internal, connection.name() + " sent no model's description");
  return {answer.properties().begin(), answer.properties().end()};
} catch (const Error &) {
  throw;
} catch (const std::exception &problem) {  // the entry point, as above
  throw Error(Error::Internal, std::string("The server could not be asked for the model: ") + problem.what());
}

std::string ping(const std::string &server, double seconds) try {
  const Patience patience(seconds, {});
  return ask_ready(Connection::to(address_for(server, patience).first), patience);
} catch (const std::exception &problem) {  // the entry point, as above
  return problem.what();
}

}  // namespace onelight
