// The value types of one HTTP exchange. Jobs make Requests and read Outcomes; the transport turns one into
// the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace cmms {

struct Header {
  std::string name;
  std::string value;
};

// The cookies that the requests of one session share. What is inside is the transport's own business.
struct CookieJar {
  std::shared_ptr<void> store;
};

struct Request {
  std::string method;  // upper case
  std::string url;     // absolute, http or https only
  std::vector<Header> headers;
  std::string body;
  std::chrono::milliseconds timeout{30'000};         // whole exchange
  std::chrono::milliseconds connect_timeout{5'000};  // until the connection stands
  std::size_t max_response_bytes = 16U << 20U;
  std::string ca_file;  // empty: the system's certificate authorities
  // Read-only or repeatable without effect (GET, PUT, PATCH to fixed values, DELETE): an unknown outcome may
  // be sent again.
  bool idempotent = false;
  // What is added when the request leaves, because it changes while requests wait
  // (core/provider/session.hpp).
  bool wants_token = false;            // the connection's access token
  std::string session_path;            // the token of the session at this path; empty: none
  std::shared_ptr<CookieJar> cookies;  // null: cookies are neither sent nor kept
};

struct Response {
  int status = 0;
  std::vector<Header> headers;
  std::string body;

  std::optional<std::string_view> header(std::string_view name) const;  // case-insensitive, the last one wins
};

// How far the request is known to have got.
enum class Delivery : std::uint8_t {
  not_sent,  // certainly never reached the provider: resolve, connect or TLS failure
  unknown,   // may have been processed: time-out, reset, truncated or oversized answer
  answered,  // a complete response arrived
};

// Why there is no complete answer.
enum class Failure : std::uint8_t {
  none,     // answered
  refused,  // the request itself is unusable and nothing was tried: bad URL, line break in a header
  resolve,  // the host name
  connect,  // the connection, proxies included
  tls,      // handshake or certificate
  timed_out,
  reset,        // the connection broke off, or the answer is shorter than announced
  too_large,    // the answer exceeds a limit
  malformed,    // the answer is not HTTP
  preparation,  // a request that had to come first failed: an access token, say
};

struct Outcome {
  Delivery delivery = Delivery::not_sent;
  Response response;  // status and headers may be filled for `unknown` too (truncated body)
  std::string error;  // empty when answered; never contains credentials
  std::chrono::microseconds duration{0};
  Failure failure = Failure::none;
  std::optional<Error> reason;  // of Failure::preparation, whose answer is in `response`

  // Whether the provider has said anything at all.
  bool is_heard() const { return delivery == Delivery::answered || response.status != 0; }
};

}  // namespace cmms
