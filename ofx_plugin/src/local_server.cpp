#include "local_server.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <thread>

#include "client.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

extern char **environ;

namespace onelight {
namespace {

std::mutex command_mutex;
std::vector<std::string> *registered_command = nullptr;  // leaked: a host may render while it exits
std::atomic<pid_t> started{0};                           // by this process

Error unavailable(const std::string &sentence) { return Error(Error::Unavailable, sentence); }

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Anybody who can write into the folder can pose as the server and be handed frames, so it must be ours alone.
std::string private_folder() {
  const char *runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string folder =
      runtime && *runtime == '/' ? std::string(runtime) + "/onelight" : "/tmp/onelight-" + std::to_string(geteuid());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw unavailable("Cannot make the folder " + folder + " for the local server: " + std::strerror(errno));
  }
  struct stat found{};
  if (lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
      (found.st_mode & 0077) != 0) {
    throw unavailable(folder +
                      " is not a folder of this user's alone (expected mode 0700): remove it, or set "
                      "ONELIGHT_SERVER to a server's address");
  }
  return folder;
}

// A stale socket file is refused at once by the kernel, so nobody waits for a server that died. A full backlog is a
// busy server, not a dead one.
bool listens(const std::string &path) {
  const Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.c_str(), path.size() + 1);
  return fd.get() >= 0 &&
         (connect(fd.get(), reinterpret_cast<const sockaddr *>(&name), sizeof name) == 0 || errno == EAGAIN);
}

std::string folder_of_this_binary() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void *>(&folder_of_this_binary), &info) || !info.dli_fname) return {};
  const std::string path = info.dli_fname;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::vector<std::string> server_command() {
  if (const char *line = std::getenv("ONELIGHT_SERVER_COMMAND"); line && *line) return split_command(line);
  // Contents/Linux-x86-64/Onelight.ofx has it in Contents/Resources; the Python module beside itself.
  const std::string here = folder_of_this_binary();
  for (const char *place : {"/../Resources/server-command", "/server-command"}) {
    std::ifstream file(here + place);
    std::string line;
    if (std::getline(file, line) && !split_command(line).empty()) return split_command(line);
  }
  const std::lock_guard<std::mutex> lock(command_mutex);
  return registered_command ? *registered_command : std::vector<std::string>{"onelight-server"};
}

// $OCIO as a server can use it. MLT 7.42 sets it to "ocio://ocio://default" in its own process, which no library reads.
std::string colour_config() {
  const char *config = std::getenv("OCIO");
  return config && std::strncmp(config, "ocio://ocio://", 14) != 0 ? config : "";
}

// A host's LD_* and PYTHON* point into the host: Nuke's would make the server load Nuke's Python. Tokens are for
// clients: the server, which outlives this host, has no use for one.
std::vector<std::string> clean_environment() {
  std::vector<std::string> kept;
  const bool usable = !colour_config().empty();
  for (char **each = environ; *each; ++each) {
    const char *const ours[] = {"LD_", "PYTHON", "ONELIGHT_TOKEN"};
    if (std::any_of(std::begin(ours), std::end(ours),
                    [&](const char *prefix) { return std::strncmp(*each, prefix, std::strlen(prefix)) == 0; })) {
      continue;
    }
    if (usable || std::strncmp(*each, "OCIO=", 5) != 0) kept.emplace_back(*each);
  }
  return kept;
}

std::vector<char *> pointers(std::vector<std::string> &strings) {
  std::vector<char *> list;
  for (auto &each : strings) list.push_back(each.data());
  list.push_back(nullptr);
  return list;
}

pid_t spawn(std::vector<std::string> command, const std::string &log) {
  auto environment = clean_environment();
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
#if __GLIBC_PREREQ(2, 34)
  posix_spawn_file_actions_addclosefrom_np(&files, 3);  // hosts leave descriptors open; the server must not hold them
#endif
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  // Its own session: a Ctrl-C meant for the host, or the end of its terminal, is not meant for the server.
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, command[0].c_str(), &files, &attributes, pointers(command).data(),
                                 pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error) {
    throw unavailable("Cannot start the local server with `" + command[0] + "`: " + std::strerror(error) +
                      "; start one with `onelight serve`, or set ONELIGHT_SERVER to a server's address");
  }
  return pid;
}

// "<folder>/server-<key>", to which .sock, .lock, .log and .pid are added.
std::string stem() {
  std::string key = ONELIGHT_VERSION;
  for (const std::string &word : server_command()) key += '\0' + word;
  const char *shows = std::getenv("ONELIGHT_SHOWS");
  key += std::string(2, '\0') + colour_config() + '\0' + (shows ? shows : "");
  char name[32];
  std::snprintf(name, sizeof name, "/server-%016" PRIx64, std::uint64_t(XXH3_64bits(key.data(), key.size())));
  const std::string path = private_folder() + name;
  if (path.size() + std::strlen(".sock") >= sizeof(sockaddr_un::sun_path)) {
    throw unavailable("The local server's socket " + path + ".sock has a path of more than 107 bytes: set " +
                      "XDG_RUNTIME_DIR to a shorter one, or ONELIGHT_SERVER to a server's address");
  }
  return path;
}

// A host that ignores SIGCHLD, or waits for every child itself, leaves nothing here to wait for.
bool has_ended(pid_t pid) {
  const pid_t waited = waitpid(pid, nullptr, WNOHANG);
  return waited == pid || (waited < 0 && errno == ECHILD && kill(pid, 0) != 0 && errno == ESRCH);
}

std::string last_line(const std::string &path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
  }
  return last;
}

void wait_a_little(const Patience &patience, const std::string &what) {
  if (patience.aborted()) throw Error(Error::Aborted, "Cancelled");
  if (patience.over()) {
    throw Error(Error::Deadline, what + " within " + std::to_string(int(patience.seconds() + 0.5)) + " s");
  }
  std::this_thread::sleep_for(Patience::poll);
}

}  // namespace

std::vector<std::string> split_command(const std::string &line) {
  std::vector<std::string> words;
  char quote = 0;
  bool inside = false;
  for (const char c : line) {
    if (quote ? c == quote : (c == '"' || c == '\'')) {
      quote = quote ? 0 : c;
      if (quote && !inside) words.emplace_back();
      inside = true;
    } else if (!quote && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

void set_server_command(std::vector<std::string> command) {
  const std::lock_guard<std::mutex> lock(command_mutex);
  if (!registered_command) registered_command = new std::vector<std::string>;
  *registered_command = std::move(command);
}

std::string local_address() { return "unix:" + stem() + ".sock"; }

bool stop_local_server() {
  const pid_t pid = started.exchange(0);
  if (pid <= 0 || has_ended(pid)) return false;
  const Patience patience(10, {});
  for (int number = SIGTERM; kill(-pid, number) == 0 && !has_ended(pid); std::this_thread::sleep_for(Patience::poll)) {
    number = patience.over() ? SIGKILL : 0;  // its frames under way may end first
  }
  return true;
}

std::string local_server(const Patience &patience, const std::function<bool(const std::string &)> &ready) {
  if (const pid_t pid = started; pid > 0 && has_ended(pid)) started = 0;  // leave no zombie
  const std::string files = stem(), path = files + ".sock", address = "unix:" + path, log = files + ".log";
  const auto answers = [&] {  // somebody who listens but is not ready yet is waited for, never started twice
    while (listens(path)) {
      if (ready(address)) return true;
      wait_a_little(patience, "The local server is not ready (see " + log + ")");
    }
    return false;
  };
  if (answers()) return address;
  // One process starts it, whoever gets the lock first; the others find it there. The kernel drops the lock of the
  // dead.
  const Descriptor lock(open((files + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0) throw unavailable("Cannot open " + files + ".lock: " + std::strerror(errno));
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) wait_a_little(patience, "The local server did not start");
  if (answers()) return address;
  auto command = server_command();
  // Without a host it ends by itself, also the one that an upgrade or another $OCIO left behind.
  for (const char *each : {"--address", address.c_str(), "--idle-exit", "900"}) command.emplace_back(each);
  const pid_t pid = started = spawn(command, log);
  std::ofstream(files + ".pid") << pid << '\n';
  while (!answers()) {
    if (has_ended(pid)) {
      started = 0;
      const std::string why = last_line(log);
      throw unavailable("The local server (`" + command[0] + "`) stopped while starting" +
                        (why.empty() ? std::string() : ": " + why) + " (see " + log + ")");
    }
    wait_a_little(patience, "The local server did not start (see " + log + ")");
  }
  return address;
}

}  // namespace onelight
