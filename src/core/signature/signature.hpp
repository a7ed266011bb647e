// Webhook signatures: one function per scheme behind an explicit table. Everything works on the raw bytes
// that arrived.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/http_date.hpp"
#include "core/result.hpp"

namespace cmms::signature {

// What arrived. The views must outlive the call.
struct Message {
  std::function<std::optional<std::string_view>(std::string_view)> header;  // case-insensitive look-up
  std::string_view body;                                                    // exactly as received
  SystemTime now;
};

struct Settings {
  std::chrono::seconds tolerance{300};  // how far the sender's time stamp may lie from our clock, either way
};

struct Verified {
  std::string delivery_id;  // the sender's id of this delivery; empty: the scheme has none
  std::optional<std::chrono::sys_seconds> timestamp;  // signed by the sender
};

// Tries every secret, so that an old and a new one are both good while they are rotated.
// A failed check is an Error of class authentication that says which check; an unknown scheme one of class
// configuration.
Result<Verified> verify(std::string_view scheme, std::span<const std::string_view> secrets,
                        const Message& message, const Settings& settings = {});

// Whether a secret can be used with the scheme at all: asked when it is configured, not when the first event
// arrives.
Status check_secret(std::string_view scheme, std::string_view secret);
// The same before anybody knows the scheme: whether some scheme that signs can use it.
Status check_secret_of_any_scheme(std::string_view secret);

// One credential may hold several secrets, separated by blanks or commas.
std::vector<std::string_view> split_secrets(std::string_view secrets);

bool is_known_scheme(std::string_view scheme);
std::vector<std::string_view> scheme_names();

}  // namespace cmms::signature
