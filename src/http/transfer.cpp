#include "http/transfer.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "http/request_check.hpp"

namespace cmms::http {
namespace {

constexpr char user_agent[] = "pg_cmms/" CMMS_EXTENSION_VERSION;

// A server may close an idle connection at the very moment a request leaves on it. Repeatable requests are
// then sent again by libcurl; others end as unknown, so that they only use connections that were busy a
// moment ago.
constexpr long max_idle_seconds = 60;
constexpr long max_idle_seconds_unrepeatable = 4;

std::string seconds_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  if (count % 1000 == 0) return std::to_string(count / 1000) + " s";
  return std::to_string(count) + " ms";
}

}  // namespace

Transfer::Transfer(std::size_t max_header_bytes)
    : easy_(curl_easy_init()), max_header_bytes_(max_header_bytes) {
  if (easy_ != nullptr) set_constant_options();
}

Transfer::~Transfer() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
}

Transfer* Transfer::from_handle(CURL* easy) {
  char* self = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
  return reinterpret_cast<Transfer*>(self);
}

void Transfer::set_constant_options() {
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // One request at a time per connection: how far a request got can always be told.
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, user_agent);
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's answer is not the provider's
#if LIBCURL_VERSION_NUM >= 0x075700
  // Otherwise a time-out or cancel() during name resolution would wait for the resolver.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
#endif
}

bool Transfer::prepare(std::uint64_t id, Request request) {
  id_ = id;
  request_ = std::move(request);
  response_ = {};
  header_bytes_ = 0;
  sends_ = 0;
  body_too_large_ = false;
  headers_too_large_ = false;
  headers_are_complete_ = false;
  error_text_.front() = '\0';

  const auto milliseconds = [](std::chrono::milliseconds duration) {
    return static_cast<long>(std::max<std::int64_t>(duration.count(), 1));  // 0 would mean "for ever"
  };
  set_certificate_authorities();
  if (!set_cookies()) return false;
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                   milliseconds(std::min(request_.connect_timeout, request_.timeout)));
  set_method();
  set_connection_policy();
  return curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str()) == CURLE_OK && set_headers();
}

void Transfer::set_certificate_authorities() {
  // The built-in default cannot be set again by name, so that a handle with other authorities starts afresh.
  if (std::exchange(has_own_authorities_, false)) {
    curl_easy_reset(easy_);
    set_constant_options();
  }
  if (request_.ca_file.empty()) return;
  has_own_authorities_ = true;
  curl_easy_setopt(easy_, CURLOPT_CAINFO, request_.ca_file.c_str());
  curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
}

// All handles that carry requests of one session share its cookies, and no other handle sees them. Attached
// to a handle by request only, the store goes with the last one who holds the jar.
bool Transfer::set_cookies() {
  if (!request_.cookies) return true;
  std::shared_ptr<void>& store = request_.cookies->store;
  if (!store) {
    CURLSH* share = curl_share_init();
    if (share == nullptr) return false;
    store = std::shared_ptr<void>(share, [](void* each) { curl_share_cleanup(static_cast<CURLSH*>(each)); });
    if (curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE) != CURLSHE_OK) return false;
  }
  // Attaching the store is not enough in all versions: the empty name switches cookies on.
  return curl_easy_setopt(easy_, CURLOPT_SHARE, static_cast<CURLSH*>(store.get())) == CURLE_OK &&
         curl_easy_setopt(easy_, CURLOPT_COOKIEFILE, "") == CURLE_OK;
}

void Transfer::set_method() {
  const auto& method = request_.method;
  const bool sends_body = !request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  // HTTPGET also takes back what an earlier request set.
  curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
  if (sends_body) {
    set_body(request_.body);
  } else if (method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  }
  const bool is_default = sends_body ? method == "POST" : method == "GET" || method == "HEAD";
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, is_default ? nullptr : method.c_str());
}

void Transfer::set_body(const std::string& body) {
  curl_easy_setopt(easy_, CURLOPT_POST, 1L);
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
}

// libcurl sends a request again, without a word, when a connection that it had used before breaks off without
// an answer. The provider may have carried it out by then, so that an unrepeatable request must never be
// begun twice.
void Transfer::set_connection_policy() {
  curl_easy_setopt(easy_, CURLOPT_MAXAGE_CONN,
                   request_.idempotent ? max_idle_seconds : max_idle_seconds_unrepeatable);
#if LIBCURL_VERSION_NUM >= 0x075000
  curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
  counts_sends_ = curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &on_about_to_send) == CURLE_OK;
#endif
  // An old libcurl cannot be stopped, but it sends again only on connections that were used before.
  if (!counts_sends_) curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, request_.idempotent ? 0L : 1L);
}

bool Transfer::set_headers() {
  curl_slist* list = nullptr;
  bool complete = true;
  const auto add = [&list, &complete](const char* line) {
    auto* longer = curl_slist_append(list, line);
    complete = complete && longer != nullptr;
    if (longer != nullptr) list = longer;
  };
  std::string line;
  bool has_content_type = false;
  for (const auto& header : request_.headers) {
    line.assign(header.name);
    // "Name:" would remove the header; "Name;" sends it empty.
    if (header.value.empty()) {
      line += ';';
    } else {
      line.append(": ").append(header.value);
    }
    has_content_type = has_content_type || ascii::equal_ignore_case(header.name, "content-type");
    add(line.c_str());
  }
  if (!has_content_type) add("Content-Type:");  // libcurl would call it a web form
  add("Expect:");                               // no round trip to ask whether the body is welcome
  headers_.reset(list);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, list);
  return complete;
}

int Transfer::on_about_to_send(void* self, char* /*remote_ip*/, char* /*local_ip*/, int /*remote_port*/,
                               int /*local_port*/) {
  auto* transfer = static_cast<Transfer*>(self);
  ++transfer->sends_;
#if LIBCURL_VERSION_NUM >= 0x075000
  if (transfer->sends_ > 1 && !transfer->request_.idempotent) return CURL_PREREQFUNC_ABORT;
#endif
  return 0;
}

std::size_t Transfer::on_body(const char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  auto& body = transfer->response_.body;
  if (bytes > transfer->request_.max_response_bytes - body.size()) {
    transfer->body_too_large_ = true;
    return 0;
  }
  try {
    body.append(data, bytes);
  } catch (...) {  // out of memory
    return 0;
  }
  return bytes;
}

std::size_t Transfer::on_header(const char* data, std::size_t size, std::size_t count, void* self) {
  auto* transfer = static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  transfer->header_bytes_ += bytes;
  if (transfer->header_bytes_ > transfer->max_header_bytes_) {
    transfer->headers_too_large_ = true;
    return 0;
  }
  try {
    transfer->take_header_line(std::string_view(data, bytes));
  } catch (...) {  // out of memory
    return 0;
  }
  return bytes;
}

void Transfer::take_header_line(std::string_view line) {
  // A status line begins another response: the one before was an interim answer, or a proxy's.
  if (line.substr(0, 5) == "HTTP/") {
    response_.headers.clear();
    response_.status = 0;
    headers_are_complete_ = false;
    const auto blank = line.find(' ');
    if (blank != std::string_view::npos) {
      std::from_chars(line.data() + blank + 1, line.data() + line.size(), response_.status);
    }
    return;
  }
  if (ascii::trim(line).empty()) headers_are_complete_ = true;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response_.headers.push_back(
      {std::string(ascii::trim(line.substr(0, colon))), std::string(ascii::trim(line.substr(colon + 1)))});
}

bool Transfer::may_have_left() const {
  if (counts_sends_) return sends_ > 0;
  long request_bytes = 0;  // counts what a proxy was told, too: errs on the safe side
  curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request_bytes);
  return request_bytes > 0;
}

Failure Transfer::failure_of(CURLcode code) const {
  if (body_too_large_ || headers_too_large_) return Failure::too_large;
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Failure::resolve;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::timed_out;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Failure::tls;
    case CURLE_URL_MALFORMAT:
      return Failure::refused;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR:
      return sent_ ? Failure::malformed : Failure::refused;
    default:
      return sent_ ? Failure::reset : Failure::connect;
  }
}

std::string Transfer::libcurl_text(CURLcode code) const {
  std::string text = error_text_.front() != '\0' ? error_text_.data() : curl_easy_strerror(code);
  for (char& character : text) {
    if (static_cast<unsigned char>(character) < ' ') character = ' ';
  }
  return text;
}

std::string Transfer::describe(Failure failure, CURLcode code) const {
  const std::string host = "\"" + std::string(authority_of(request_.url)) + "\"";
  switch (failure) {
    case Failure::too_large:
      if (headers_too_large_) {
        return "response headers are larger than " + std::to_string(max_header_bytes_) + " bytes";
      }
      return "response is larger than " + std::to_string(request_.max_response_bytes) + " bytes";
    case Failure::resolve:
      return "could not resolve the host name of " + host;
    case Failure::timed_out: {
      const auto connect_limit = std::min(request_.connect_timeout, request_.timeout);
      if (!sent_) return "no connection to " + host + " within " + seconds_text(connect_limit);
      return "no complete answer from " + host + " within " + seconds_text(request_.timeout);
    }
    case Failure::tls:
      return "could not establish a trusted TLS connection to " + host + ": " + libcurl_text(code);
    case Failure::connect:
      return "could not connect to " + host + ": " + libcurl_text(code);
    case Failure::refused:
      return "the request cannot be sent: " + libcurl_text(code);
    case Failure::malformed:
      // Written by our own callbacks, which fail only for want of memory.
      if (code == CURLE_WRITE_ERROR) return "there is no memory for the answer of " + host;
      return "the answer of " + host + " is malformed: " + libcurl_text(code);
    default:
      // When libcurl was kept from sending again, its own text speaks of a callback.
      if (code == CURLE_ABORTED_BY_CALLBACK) return "connection to " + host + " broke off before the answer";
      return "connection to " + host + " broke off: " + libcurl_text(code);
  }
}

Outcome Transfer::conclude(CURLcode code) {
  Outcome outcome;
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &microseconds);
  outcome.duration = std::chrono::microseconds(microseconds);
  if (code == CURLE_OK && headers_are_complete_) {
    outcome.delivery = Delivery::answered;
  } else if (code == CURLE_OK) {
    // libcurl takes the end of the connection for that of the answer, wherever it comes.
    outcome.delivery = Delivery::unknown;
    outcome.failure = Failure::reset;
    outcome.error = "connection to \"" + std::string(authority_of(request_.url)) +
                    "\" broke off within the headers of the answer";
  } else {
    sent_ = may_have_left();
    outcome.delivery = sent_ ? Delivery::unknown : Delivery::not_sent;
    outcome.failure = failure_of(code);
    outcome.error = describe(outcome.failure, code);
    if (outcome.failure == Failure::too_large) response_.body = {};
  }
  outcome.response = std::move(response_);
  abandon();
  return outcome;
}

void Transfer::abandon() {
  if (request_.cookies) {
    curl_easy_setopt(easy_, CURLOPT_COOKIEFILE, nullptr);
    curl_easy_setopt(easy_, CURLOPT_SHARE, nullptr);
  }
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, nullptr);
  headers_.reset();
  request_ = {};
  response_ = {};
}

}  // namespace cmms::http
