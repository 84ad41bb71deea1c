// Whom a connection trusts, and as whom it presents itself: PEM files that the environment names.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

namespace onelight {

// For a tls: address those of ONELIGHT_TLS_CA, ONELIGHT_TLS_CERT and ONELIGHT_TLS_KEY, as far as they are set. Throws
// Error(Refused) naming the variable whose file cannot be read.
std::shared_ptr<grpc::ChannelCredentials> credentials_for(const std::string &address);

}  // namespace onelight
