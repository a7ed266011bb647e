#include "core/exchange/classify.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/exchange/ascii.hpp"
#include "core/json/jansson.hpp"

namespace cmms {
namespace {

constexpr std::size_t max_message_bytes = 500;
constexpr std::size_t max_fields_bytes = 1U << 14U;
constexpr std::size_t max_error_body_bytes = 1U << 20U;

constexpr std::array<std::pair<int, std::string_view>, 45> reason_phrases{{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Entity"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
}};

// Cuts at a character boundary of UTF-8.
std::string capped(std::string text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  text.resize(end);
  return text + "...";
}

// Providers' messages come with line breaks and tabs; an error message here is one line.
std::string without_breaks(std::string_view text) {
  std::string line;
  bool gap = false;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte <= 0x20U || byte == 0x7FU) {
      gap = !line.empty();
      continue;
    }
    if (std::exchange(gap, false)) line += ' ';
    line += character;
  }
  return line;
}

std::string one_line(std::string_view text) { return capped(without_breaks(text), max_message_bytes); }

bool says_something(const json::Field& field) {
  const auto text = ascii::trim(field.text);
  return !field.is_null() && !text.empty() && text != "[]" && text != "{}";
}

// A path with [*] may match several messages: all of them, on one line.
std::string joined_messages(const path::Path& path, const json::Value& body) {
  std::string message;
  for (const auto& match : path.all(body)) {
    const auto field = json::Field::from(match);
    if (message.size() > max_message_bytes || !says_something(field)) continue;
    if (!message.empty()) message += "; ";
    message += without_breaks(field.text);
  }
  return capped(std::move(message), max_message_bytes);
}

std::string field_errors(const path::Path& path, const json::Value& body) {
  const auto field = path.field(body);
  return field && says_something(*field) ? field->to_json() : std::string();
}

// The first path that holds something.
std::string first_of(const std::vector<path::Path>& paths, const json::Value& body,
                     std::string (*read)(const path::Path&, const json::Value&)) {
  for (const auto& path : paths) {
    if (auto found = read(path, body); !found.empty()) return found;
  }
  return {};
}

bool is_plain_text(const Response& response) {
  const auto type = response.header("content-type");
  constexpr std::string_view plain = "text/plain";
  return type && ascii::equal_ignore_case(ascii::trim(*type).substr(0, plain.size()), plain);
}

// The body of an error, as far as it is JSON.
std::optional<json::Document> parse_error(const Response& response) {
  if (response.body.empty() || response.body.size() > max_error_body_bytes) return std::nullopt;
  Result<json::Document> document = json::Document::parse(response.body);
  if (!document) return std::nullopt;
  return std::move(document).value();
}

ProviderErrors read_errors(const Response& response, const std::optional<json::Document>& document,
                           const ErrorPaths& paths) {
  if (document) {
    const auto root = document->root();
    if (root.is_string()) return {one_line(root.string()), {}};
    return extract_errors(root, paths);
  }
  // An HTML page says nothing that fits into one line.
  if (is_plain_text(response) && response.body.size() <= max_error_body_bytes)
    return {one_line(response.body), {}};
  return {};
}

// The host that a Location header points at; empty for a path on the same host.
std::string_view location_host(std::string_view location) {
  auto authority = location.find("//");
  if (authority == std::string_view::npos || location.find_first_of("/?#") < authority) return {};
  authority += 2;
  auto host = location.substr(authority, location.find_first_of("/?#", authority) - authority);
  if (const auto user_end = host.rfind('@'); user_end != std::string_view::npos) {
    host.remove_prefix(user_end + 1);
  }
  return host;
}

// What a status means when it is not the provider's failure. 5xx but 501, 408 and 2xx are decided before.
struct StatusMeaning {
  Disposition disposition;
  bool provider_wide;
  ErrorClass error_class;
  std::string_view hint;
};

StatusMeaning meaning_of(int status) {
  using enum Disposition;
  if (status >= 300 && status < 400) {
    return {retry, true, ErrorClass::configuration,
            "Redirects are not followed. Correct base_url so that it names the provider's API itself."};
  }
  switch (status) {
    case 401:
      return {retry, true, ErrorClass::authentication,
              "Check the credentials in the user mapping of this provider."};
    case 402:
      return {retry, true, ErrorClass::authorization, "Check the subscription with the provider."};
    case 403:
      return {retry, true, ErrorClass::authorization,
              "Check which permissions the provider grants to these credentials."};
    case 407:
      return {retry, true, ErrorClass::authentication,
              "A proxy stands between this server and the provider and wants credentials."};
    case 404:
    case 410:
      return {rejected, false, ErrorClass::identity,
              "The provider does not know what the request names: the record was deleted there, or base_url "
              "or a path option is wrong."};
    case 405:
      return {rejected, false, ErrorClass::configuration,
              "The provider does not offer this method at this path. Check base_url and the path and method "
              "options."};
    case 409:
    case 412:
    case 428:
      return {rejected, false, ErrorClass::conflict, ""};
    case 423:
      return {retry, false, ErrorClass::conflict, ""};
    case 501:
      return {rejected, false, ErrorClass::configuration,
              "The provider does not offer what was asked for. Check the options of the server."};
    case 421:
    case 425:
      return {retry, false, ErrorClass::provider_unavailable, ""};
    case 429:
      return {retry, true, ErrorClass::provider_unavailable, ""};
    default:
      return {rejected, false, ErrorClass::validation, ""};
  }
}

std::string answered_text(int status) {
  std::string text = "provider answered " + std::to_string(status);
  if (const auto phrase = reason_phrase(status); !phrase.empty()) text.append(" ").append(phrase);
  return text;
}

// The provider failed while it may have been working on the request.
void classify_failure(int status, bool idempotent, Classified& classified) {
  classified.disposition = idempotent ? Disposition::retry : Disposition::in_doubt;
  classified.provider_wide = status == 502 || status == 503 || status == 504;
  classified.error = Error{ErrorClass::provider_unavailable, answered_text(status), {}, {}};
  if (!idempotent) {
    classified.error->detail =
        "The provider may have carried out the request. It is looked up before it is sent again.";
  }
}

// A date is meant by the provider's clock, which may be wrong.
std::optional<std::chrono::seconds> read_retry_after(const Response& response, SystemTime now) {
  const auto text = response.header("retry-after");
  if (!text) return std::nullopt;
  const auto date = response.header("date");
  const auto provider_now = date ? parse_http_date(*date) : std::nullopt;
  return parse_retry_after(*text, provider_now ? SystemTime(*provider_now) : now);
}

Classified classify_answer(const Response& response, bool idempotent, const ErrorPaths& paths,
                           SystemTime now) {
  const int status = response.status;
  Classified classified;
  classified.http_status = status;
  if (status >= 200 && status < 300) {
    classified.disposition = Disposition::answered_ok;
    return classified;
  }

  // A status outside HTTP's ranges says nothing about what happened.
  const bool is_failure = status == 408 || (status >= 500 && status != 501) || status < 300;
  if (is_failure) {
    classify_failure(status, idempotent, classified);
  } else {
    const auto meaning = meaning_of(status);
    classified.disposition = meaning.disposition;
    classified.provider_wide = meaning.provider_wide;
    classified.error = Error{meaning.error_class, answered_text(status), {}, std::string(meaning.hint)};
  }
  if (status >= 300 && status < 400) {
    const auto host = location_host(response.header("location").value_or(""));
    classified.error->message += host.empty()
                                     ? ", a redirect to another path, which is not followed"
                                     : ", a redirect to " + one_line(host) + ", which is not followed";
    return classified;
  }

  const std::optional<json::Document> document = parse_error(response);
  auto errors = read_errors(response, document, paths);
  if (!errors.message.empty()) classified.error->message.append(": ").append(errors.message);
  classified.error_fields = std::move(errors.fields);
  apply_error_rules(paths, status, document ? document->root() : json::Value(), errors.message, idempotent,
                    classified);
  if (classified.disposition != Disposition::rejected) {
    classified.retry_after = read_retry_after(response, now);
  }
  return classified;
}

Classified classify_unanswered(const Outcome& outcome, bool idempotent, SystemTime now) {
  Classified classified;
  classified.http_status = outcome.response.status;
  if (outcome.failure == Failure::refused) {
    classified.disposition = Disposition::rejected;
    classified.error = Error{ErrorClass::configuration, outcome.error, {}, {}};
    return classified;
  }
  if (outcome.failure == Failure::preparation && outcome.reason) {
    classified.provider_wide = true;
    classified.error = outcome.reason;
    classified.retry_after = read_retry_after(outcome.response, now);
    return classified;
  }
  const bool sent = outcome.delivery == Delivery::unknown;
  classified.unreachable = !sent;
  classified.disposition = sent && !idempotent ? Disposition::in_doubt : Disposition::retry;
  // An answer that is too large concerns what was asked for, not the provider as a whole.
  classified.provider_wide = outcome.failure != Failure::too_large;
  classified.error = Error{ErrorClass::provider_unavailable, outcome.error, {}, {}};
  if (classified.error->message.empty()) {
    classified.error->message = sent ? "the provider's answer is lost" : "the provider could not be reached";
  }
  if (classified.disposition == Disposition::in_doubt) {
    classified.error->detail =
        "The request may have reached the provider. It is looked up before it is sent again.";
  }
  if (outcome.failure == Failure::tls) {
    classified.error->hint =
        "Certificates are always verified. If the provider uses a certificate authority of its own, set "
        "ca_file.";
  }
  return classified;
}

}  // namespace

std::string_view disposition_name(Disposition disposition) {
  constexpr std::array<std::string_view, 4> names{"answered_ok", "retry", "rejected", "in_doubt"};
  return names[static_cast<std::size_t>(disposition)];
}

std::string_view reason_phrase(int status) {
  const auto found = std::lower_bound(reason_phrases.begin(), reason_phrases.end(), status,
                                      [](const auto& entry, int wanted) { return entry.first < wanted; });
  return found != reason_phrases.end() && found->first == status ? found->second : std::string_view();
}

ProviderErrors extract_errors(const json::Value& body, const ErrorPaths& paths) {
  ProviderErrors errors;
  errors.message = first_of(paths.message, body, joined_messages);
  errors.fields = first_of(paths.fields, body, field_errors);
  // Cut JSON is no JSON: a list of errors that is too long is kept as one string.
  if (errors.fields.size() > max_fields_bytes) {
    const std::string kept = capped(errors.fields, max_fields_bytes);
    errors.fields = json::Field::string(kept).to_json();
  }
  return errors;
}

Classified classify(const Outcome& outcome, bool idempotent, const ErrorPaths& paths, SystemTime now) {
  if (outcome.delivery != Delivery::answered) return classify_unanswered(outcome, idempotent, now);
  return classify_answer(outcome.response, idempotent, paths, now);
}

}  // namespace cmms
