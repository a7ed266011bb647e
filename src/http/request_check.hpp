// Refuses requests that must not reach the wire: other protocols, smuggled header lines, credentials in the
// URL.
#pragma once

#include <string>
#include <string_view>

#include "core/exchange/message.hpp"

namespace cmms::http {

// Empty when the request can be sent, else why not. The text holds no value of a header and no path or query.
std::string unusable_because(const Request& request);

std::string_view authority_of(std::string_view url);  // "host:port" of a URL that passed the check

}  // namespace cmms::http
