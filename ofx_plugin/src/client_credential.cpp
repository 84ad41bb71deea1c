#include "client_credential.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "client.h"

namespace onelight {
namespace {

constexpr std::size_t longest = 4096;  // bytes of a token's file

Error refused(const std::string &sentence) { return Error(Error::Refused, sentence); }

std::string read_private(const std::string &path) {
  const auto unreadable = [&](const std::string &why) {
    return refused("ONELIGHT_TOKEN_FILE names " + path + ", which " + why);
  };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw unreadable(std::string("cannot be read: ") + std::strerror(errno));
  struct stat found{};
  std::string text(longest + 1, '\0');
  const bool known = fstat(fd, &found) == 0;
  const ssize_t size = known && S_ISREG(found.st_mode) ? read(fd, text.data(), text.size()) : -1;
  close(fd);
  if (size < 0) throw unreadable("is no file that can be read");
  if (found.st_uid != geteuid() || (found.st_mode & 0077) != 0) {
    throw unreadable("others can read or write: expected a file of this user's alone (chmod 600)");
  }
  if (std::size_t(size) > longest) throw unreadable("is too large to be a token's");
  text.resize(std::size_t(size));
  return text;
}

bool may_be_in_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::string token() {
  const char *direct = std::getenv("ONELIGHT_TOKEN"), *file = std::getenv("ONELIGHT_TOKEN_FILE");
  const bool given = direct && *direct;
  if (!given && !(file && *file)) return "";
  std::string text = given ? direct : read_private(file);
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, text.find_first_not_of(" \t\r\n"));
  // gRPC ends the process for what cannot be a header.
  if (text.empty() || !std::all_of(text.begin(), text.end(), may_be_in_token)) {
    throw refused(std::string(given ? "ONELIGHT_TOKEN" : "The file of ONELIGHT_TOKEN_FILE") +
                  " holds no token: expected one as `onelight show token grant` prints it");
  }
  return text;
}

std::string token_for(const std::string &show, bool private_way, const std::string &server) {
  if (show == "base") return "";
  const std::string found = token();
  if (!found.empty() && !private_way) {
    throw refused("The show's token is not sent to " + server + ", where others could read it on the way: use " +
                  "tls:host:port, or a server on this machine");
  }
  return found;
}

}  // namespace onelight
