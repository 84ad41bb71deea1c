// The token that opens a show, from the environment: never a knob, which a script would carry out of the house.
#pragma once

#include <string>

namespace onelight {

// What ONELIGHT_TOKEN holds, else the file that ONELIGHT_TOKEN_FILE names; empty where neither is set. Throws
// Error(Refused) for a file that others may read, or for what cannot be a token.
std::string token();

// The token to send with a request about `show`: none for the built-in one. Throws Error(Refused) where `private_way`
// is false, since a token read off the network opens the show to whoever read it.
std::string token_for(const std::string &show, bool private_way, const std::string &server);

}  // namespace onelight
