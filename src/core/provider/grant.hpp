// What a provider must be asked for before other requests may leave: an access token, a CSRF token. It is
// granted by the answer to a request of its own, added to others as a header, and ends at a time or when the
// provider refuses it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/exchange/classify.hpp"
#include "core/result.hpp"

namespace cmms::provider {

struct Grant {
  std::string value;                     // of the header; secret
  std::optional<SystemTime> expires_at;  // nothing: when the provider refuses it
  std::vector<std::string> secrets;      // to be masked besides the value
};

struct GrantStyle {
  std::string_view subject;  // "access token", for messages
  // The answer to a request for it, and what the answer means in general.
  Result<Grant> (*read)(const Response& response, const Classified& classified, std::string_view header,
                        SystemTime now);
  // Whether a request was refused, and certainly not carried out, because its grant is no longer valid.
  bool (*is_refused)(const Response& response, std::string_view header);
};

// Where a grant comes from, and the header that carries it.
struct GrantSource {
  const GrantStyle* style = nullptr;
  std::string header;
  Request request;
};

}  // namespace cmms::provider
