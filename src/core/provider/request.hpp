// Makes the HTTP request of a descriptor's operation.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/exchange/message.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::provider {

// Placeholders of one request, besides options and credentials: source_id, reference, cursor, ...
using Variables = std::map<std::string, std::string, std::less<>>;

// `query` is added to the operation's own. The body is sent as JSON.
Result<Request> make_request(const Connection& connection, const OperationSpec& operation,
                             const Variables& variables, const std::vector<Parameter>& query = {},
                             std::string body = {});

// What the provider's answer says about its quota; empty when it says nothing.
rate_limit::Observation read_limits(const Connection& connection, const Response& response, SystemTime now);

}  // namespace cmms::provider
