#include "client_job.h"

#include <cstdlib>
#include <mutex>

namespace onelight {
namespace {

constexpr char no_network[] = "cpu";  // the same arithmetic everywhere

struct Computed {
  std::string provider, runtime;
};

std::string text(const std::map<std::string, Value> &parameters, const char *name) {
  const auto found = parameters.find(name);
  const auto *value = found == parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value ? *value : "";
}

// Leaked, as connections are: a host may still render while the process ends.
std::mutex &mutex() {
  static auto *const made = new std::mutex;
  return *made;
}

std::map<std::string, Computed> &known() {
  static auto *const made = new std::map<std::string, Computed>;
  return *made;
}

// Empty where nothing has to be the same: an artist who looks, or a version that is not pinned.
std::string job_of(const Request &request) {
  if (text(request.parameters, "frame.priority") != "farm" || request.version.empty()) return "";
  return request.show + '\n' + request.tool + '\n' + request.version + '\n' + text(request.parameters, "frame.digest");
}

std::string chosen_provider() {
  const char *chosen = std::getenv("ONELIGHT_PROVIDER");
  return chosen ? chosen : "";
}

}  // namespace

void pin_job(Request *request) {
  Computed wanted{chosen_provider(), ""};
  if (const std::string job = job_of(*request); wanted.provider.empty() && !job.empty()) {
    const std::lock_guard<std::mutex> lock(mutex());
    if (const auto found = known().find(job); found != known().end()) wanted = found->second;
  }
  if (!wanted.provider.empty()) request->parameters["frame.provider"] = wanted.provider;
  if (!wanted.runtime.empty()) request->parameters["frame.runtime"] = wanted.runtime;
}

void check_job(const Request &request, const Reply &reply) {
  const Computed here{text(reply.parameters, "provider"), text(reply.parameters, "runtime")};
  if (here.provider.empty() || here.provider == no_network) return;
  Computed wanted{chosen_provider(), ""};
  const std::string job = job_of(request);
  if (wanted.provider.empty()) {
    // Only versions that have a state promise to come out the same.
    if (job.empty() || text(reply.parameters, "state").empty()) return;
    const std::lock_guard<std::mutex> lock(mutex());
    wanted = known().emplace(job, here).first->second;
  }
  if (wanted.provider == here.provider && (wanted.runtime.empty() || wanted.runtime == here.runtime)) return;
  const auto shown = [](const Computed &c) { return c.provider + (c.runtime.empty() ? "" : " (" + c.runtime + ")"); };
  throw Error(Error::Refused, "This job is computed with " + shown(wanted) + ", this frame came from " + shown(here) +
                                  ": the frames would differ. Send the whole job to servers of one kind");
}

}  // namespace onelight
