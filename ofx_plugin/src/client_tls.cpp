#include "client_tls.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "client.h"

namespace onelight {
namespace {

// The text of the file that an environment variable names; empty where it is not set.
std::string pem(const char *variable, const char *of_what) {
  const char *path = std::getenv(variable);
  if (!path || !*path) return "";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    throw Error(Error::Refused,
                std::string(variable) + " names " + path + ", which cannot be read: expected a file of PEM " + of_what);
  }
  return text.str();
}

}  // namespace

std::shared_ptr<grpc::ChannelCredentials> credentials_for(const std::string &address) {
  if (address.compare(0, 4, "tls:") != 0) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = pem("ONELIGHT_TLS_CA", "certificates");
  // With these two the server knows this client, and may know it as a show's.
  options.pem_cert_chain = pem("ONELIGHT_TLS_CERT", "certificates");
  options.pem_private_key = pem("ONELIGHT_TLS_KEY", "a private key");
  if (options.pem_cert_chain.empty() != options.pem_private_key.empty()) {
    throw Error(Error::Refused, "ONELIGHT_TLS_CERT and ONELIGHT_TLS_KEY belong together: only one of them is set");
  }
  return grpc::SslCredentials(options);
}

}  // namespace onelight
