// The strategies that exist; the table in authentication.cpp lists them.
#pragma once

#include "core/provider/authentication.hpp"

namespace cmms::provider {

extern const AuthenticationStyle header_authentication;  // a header with a key: "Authorization: Bearer ..."
extern const AuthenticationStyle basic_authentication;   // RFC 7617

}  // namespace cmms::provider
