// Authentication by an access token that is asked for with a client's own credentials, RFC 6749, section 4.4.
#include <algorithm>
#include <array>
#include <chrono>

#include "core/exchange/ascii.hpp"
#include "core/json/field.hpp"
#include "core/json/jansson.hpp"
#include "core/provider/authentication/styles.hpp"

namespace cmms::provider {
namespace {

using std::chrono::seconds;

constexpr std::size_t max_token_bytes = 16U << 10U;
constexpr std::size_t max_answer_bytes = 64U << 10U;
// A token leaves the cache before it ends, so that none ends on its way: a tenth of its life, a minute at
// most.
constexpr seconds longest_margin{60};
constexpr seconds default_life{
    300};  // of a token whose answer does not say; a refused one is replaced anyway
constexpr seconds longest_life{24 * 60 * 60};

Error configuration_error(std::string message, std::string hint) {
  return Error{ErrorClass::configuration, std::move(message), {}, std::move(hint)};
}

// ---- the request
// --------------------------------------------------------------------------------------------

// A path below base_url, or a URL of its own. Credentials must not travel less protected than other requests.
Result<std::string> absolute_url(std::string url, const TemplateLookup& lookup) {
  const std::optional<Substitute> option = lookup("base_url");
  std::string_view base = option ? option->text : std::string_view();
  while (base.ends_with('/')) base.remove_suffix(1);
  if (url.starts_with('/')) return std::string(base) + url;
  if (url.starts_with("https://") || (url.starts_with("http://") && base.starts_with("http://"))) return url;
  return configuration_error("the token URL is neither an https URL nor a path",
                             "Write it as https://host/path, or as /path for a path below base_url.");
}

void append_field(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form.append(name).append("=").append(percent_encode(value));
}

struct ClientCredentials {
  std::string id;
  std::string secret;
};

Status add_client(const ClientCredentials& client, std::string_view style, Authentication& authentication) {
  Request& request = authentication.token->request;
  if (style == "body") {
    append_field(request.body, "client_id", client.id);
    append_field(request.body, "client_secret", client.secret);
    return Nothing{};
  }
  if (style != "basic") {
    return configuration_error("unknown client authentication \"" + std::string(style) + "\"",
                               "It is 'basic' or 'body'.");
  }
  // Section 2.3.1: both are form-encoded first, so that a colon in the id is none.
  authentication.derived_secret = basic_credentials(percent_encode(client.id), percent_encode(client.secret));
  request.headers.push_back({"Authorization", "Basic " + authentication.derived_secret});
  return Nothing{};
}

// ---- the answer
// ---------------------------------------------------------------------------------------------

std::string text_member(const json::Value& object, std::string_view name) {
  const std::optional<json::Value> member = object.member(name);
  return member && !member->is_null() ? json::Field::from(*member).text : std::string();
}

// One line of what the provider wrote: section 5.2 allows printable ASCII only.
std::string printable(std::string_view text) {
  constexpr std::size_t longest = 300;
  std::string line(text.substr(0, longest));
  std::replace_if(
      line.begin(), line.end(), [](char each) { return each < ' ' || each > '~'; }, '?');
  return line;
}

// Section 5.2, in the words of whoever has to act.
std::string_view hint_of(std::string_view error) {
  struct Meaning {
    std::string_view error;
    std::string_view hint;
  };
  static constexpr std::array<Meaning, 4> meanings{{
      {"invalid_client",
       "Check the client id and secret in the user mapping, and whether the provider wants them in a Basic "
       "header or in the body."},
      {"unauthorized_client", "Allow this client the grant type client_credentials at the provider."},
      {"unsupported_grant_type", "Allow the grant type client_credentials at the provider."},
      {"invalid_scope", "Check the scope: the provider does not grant it to this client."},
  }};
  for (const Meaning& meaning : meanings) {
    if (meaning.error == error) return meaning.hint;
  }
  return "Check the credentials in the user mapping of this provider, and the token URL.";
}

Error refusal(const Response& response) {
  Error error{ErrorClass::authentication,
              "the token endpoint answered " + std::to_string(response.status),
              {},
              std::string(hint_of({}))};
  if (response.body.size() > max_answer_bytes) return error;
  const Result<json::Document> document = json::Document::parse(response.body);
  if (!document) return error;
  const std::string code = text_member(document.value().root(), "error");
  if (code.empty()) return error;
  error.message += ": " + printable(code);
  error.hint = hint_of(code);
  if (const std::string description = text_member(document.value().root(), "error_description");
      !description.empty()) {
    error.message += ": " + printable(description);
  }
  return error;
}

Error malformed(std::string_view what) {
  return Error{ErrorClass::authentication,
               "the answer of the token endpoint " + std::string(what),
               {},
               "Check the token URL: it must be an OAuth 2.0 token endpoint."};
}

seconds life_of(const json::Value& answer) {
  // Some servers write the number as a string, or with a fraction.
  const std::string text = text_member(answer, "expires_in");
  const std::optional<std::int64_t> given = ascii::parse_digits(text.substr(0, text.find('.')));
  if (!given) return default_life;
  return std::min(seconds(std::min<std::int64_t>(*given, longest_life.count())), longest_life);
}

Result<Grant> read(const Response& response, const Classified& classified, std::string_view /*header*/,
                   SystemTime now) {
  if (response.status == 400 || response.status == 401 || response.status == 403) return refusal(response);
  if (classified.error) return *classified.error;
  if (response.body.size() > max_answer_bytes) return malformed("is too large");
  const Result<json::Document> document = json::Document::parse(response.body);
  if (!document || !document.value().root().is_object()) return malformed("is no JSON object");
  const json::Value answer = document.value().root();
  const std::string token = text_member(answer, "access_token");
  const bool is_sendable =
      !token.empty() && token.size() <= max_token_bytes &&
      std::all_of(token.begin(), token.end(), [](char each) { return each > ' ' && each <= '~'; });
  if (!is_sendable) return malformed("holds no usable access_token");
  const std::string type = text_member(answer, "token_type");
  if (!type.empty() && !ascii::equal_ignore_case(type, "bearer")) {
    return malformed("gives a token of type \"" + printable(type) + "\", not Bearer");
  }
  const auto life = std::chrono::duration_cast<std::chrono::milliseconds>(life_of(answer));
  Grant grant;
  grant.value = "Bearer " + token;
  grant.expires_at = now + life - std::min<std::chrono::milliseconds>(life / 10, longest_margin);
  grant.secrets = {token};
  return grant;
}

const GrantStyle access_token{
    "access token", read, [](const Response& response, std::string_view) { return response.status == 401; }};

// ---- the strategy
// -------------------------------------------------------------------------------------------

Result<std::optional<Authentication>> make(const AuthenticationSpec& spec, const TemplateLookup& lookup) {
  constexpr std::array<std::string_view, 5> names{"token_url", "client_id", "client_secret", "scope",
                                                  "client_authentication"};
  std::array<std::optional<std::string>, names.size()> values;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Result<std::optional<std::string>> value = authentication_parameter(spec, names[i], lookup);
    if (!value) return std::move(value).error();
    values[i] = std::move(value).value();
  }
  const auto& [token_url, client_id, client_secret, scope, client_authentication] = values;
  if (!token_url || !client_id || !client_secret) return std::optional<Authentication>();
  Result<std::string> url = absolute_url(*token_url, lookup);
  if (!url) return std::move(url).error();

  Authentication authentication;
  authentication.header = {"Authorization", {}};
  authentication.token = GrantSource{&access_token, "Authorization", {}};
  Request& request = authentication.token->request;
  request.method = "POST";
  request.url = std::move(url).value();
  request.idempotent = true;
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  append_field(request.body, "grant_type", "client_credentials");
  if (scope && !scope->empty()) append_field(request.body, "scope", *scope);
  const std::string style = client_authentication.value_or("basic");
  if (Status status = add_client({*client_id, *client_secret}, style, authentication); !status) {
    return std::move(status).error();
  }
  return std::optional(std::move(authentication));
}

}  // namespace

const AuthenticationStyle oauth2_client_credentials_authentication{"oauth2_client_credentials",
                                                                   [] {
                                                                     return std::vector<StyleParameter>{
                                                                         {"token_url", true},
                                                                         {"client_id", true},
                                                                         {"client_secret", true},
                                                                         {"scope", false},
                                                                         {"client_authentication", false}};
                                                                   },
                                                                   make};

}  // namespace cmms::provider
