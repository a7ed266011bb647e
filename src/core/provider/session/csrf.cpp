// A token against cross-site request forgery, as SAP Gateway wants it: fetched by a read with the header
// "x-csrf-token: fetch", and sent, with the cookies that came with it, by every modifying request. A 403
// whose header says "Required" means that the request was not carried out.
#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/provider/request.hpp"
#include "core/provider/session/styles.hpp"

namespace cmms::provider {
namespace {

constexpr std::string_view default_method = "GET";
constexpr std::string_view default_header = "x-csrf-token";
constexpr std::string_view default_unsafe_methods = "POST PUT PATCH MERGE DELETE";
// Of a cookie's value that is worth masking: a session's id, not "sap-client=100".
constexpr std::size_t shortest_secret_cookie = 16;

std::string_view parameter(const SessionSpec& spec, std::string_view name, std::string_view fallback) {
  const auto found = spec.parameters.find(name);
  return found == spec.parameters.end() ? fallback : std::string_view(found->second);
}

// The words of a list separated by blanks or commas.
bool holds_word(std::string_view list, std::string_view word) {
  constexpr std::string_view separators = " ,";
  while (!list.empty()) {
    const std::size_t end = std::min(list.find_first_of(separators), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

std::string problem(std::string_view name, const std::string& value) {
  if (name == "method" && value != "GET" && value != "HEAD") return "must be GET or HEAD";
  if (name == "header" && value.empty()) return "must not be empty";
  // The request for the token itself would need one.
  const bool is_read_unsafe =
      name == "unsafe_methods" && (holds_word(value, "GET") || holds_word(value, "HEAD"));
  if (is_read_unsafe) return "must name modifying methods only";
  return {};
}

bool concerns(const SessionSpec& spec, std::string_view method) {
  return holds_word(parameter(spec, "unsafe_methods", default_unsafe_methods), method);
}

void add_unless_given(std::vector<Header>& headers, std::string_view name, std::string_view value) {
  const bool is_given = std::any_of(headers.begin(), headers.end(), [&](const Header& header) {
    return ascii::equal_ignore_case(header.name, name);
  });
  if (!is_given) headers.push_back({std::string(name), std::string(value)});
}

Result<GrantSource> source(const SessionSpec& spec, const Connection& connection, const std::string& path) {
  OperationSpec operation;
  operation.method = std::string(parameter(spec, "method", default_method));
  operation.path = path;
  operation.session_path = path;
  Result<Request> request = make_request(connection, operation, {});
  if (!request) return std::move(request).error();
  GrantSource source;
  source.header = std::string(parameter(spec, "header", default_header));
  source.request = std::move(request).value();
  source.request.headers.push_back({source.header, "fetch"});
  add_unless_given(source.request.headers, "Accept", "application/json");
  return source;
}

std::vector<std::string> cookie_values(const Response& response) {
  std::vector<std::string> values;
  for (const Header& header : response.headers) {
    if (!ascii::equal_ignore_case(header.name, "set-cookie")) continue;
    std::string_view value = std::string_view(header.value).substr(0, header.value.find(';'));
    value.remove_prefix(std::min(value.find('=') + 1, value.size()));
    if (value.size() >= shortest_secret_cookie) values.emplace_back(value);
  }
  return values;
}

bool is_required(const Response& response, std::string_view header) {
  return ascii::equal_ignore_case(response.header(header).value_or(""), "required");
}

Result<Grant> read(const Response& response, const Classified& classified, std::string_view header,
                   SystemTime /*now*/) {
  if (classified.error) return *classified.error;
  Grant grant;
  grant.value = std::string(response.header(header).value_or(""));
  if (grant.value.empty() || is_required(response, header)) {
    return Error{ErrorClass::configuration,
                 "the answer holds no header \"" + std::string(header) + "\"",
                 {},
                 "Check the path at which the session's token is fetched."};
  }
  grant.secrets = cookie_values(response);
  return grant;
}

const GrantStyle csrf_token{"CSRF token", read, [](const Response& response, std::string_view header) {
                              return response.status == 403 && is_required(response, header);
                            }};

}  // namespace

const SessionStyle csrf_session{
    "csrf",
    [] {
      return std::vector<StyleParameter>{
          {"path", true}, {"method", false}, {"header", false}, {"unsafe_methods", false}};
    },
    problem, concerns,
    [](const SessionSpec& spec, const Connection& connection, const std::string& path) {
      Result<GrantSource> made = source(spec, connection, path);
      if (made) made.value().style = &csrf_token;
      return made;
    }};

}  // namespace cmms::provider
