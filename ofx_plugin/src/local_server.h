// The server of this user on this machine: where its socket is, and how it is started when nobody did.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "patience.h"

namespace onelight {

// Where the local server listens: "unix:<folder>/server-<key>.sock", in a folder that only this user can enter. The key
// stands for this release, the command that starts the server, $OCIO and $ONELIGHT_SHOWS: hosts that differ there do
// not share a server. Throws Error(Unavailable) when there is no such folder and none can be made.
std::string local_address();

// Returns local_address() once something answers there, starting the server if nothing does. `ready` asks the server
// itself, at most about twenty times a second. Throws Error, with the end of the server's log where that says why.
std::string local_server(const Patience &patience, const std::function<bool(const std::string &address)> &ready);

// Ends the local server if this process started it; false when there was none to end.
bool stop_local_server();

// What to start when neither ONELIGHT_SERVER_COMMAND nor a file `server-command` says otherwise.
void set_server_command(std::vector<std::string> command);

// The words of ONELIGHT_SERVER_COMMAND or of a server-command file: blanks separate, "..." and '...' keep together.
std::vector<std::string> split_command(const std::string &line);

}  // namespace onelight
