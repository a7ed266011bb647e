// Sessions: access tokens and CSRF tokens that are asked for, cached, shared, renewed once and masked.
#include "core/provider/session.hpp"

#include <gtest/gtest.h>

#include "core/exchange/redact.hpp"
#include "core/job/push.hpp"
#include "core/provider/request.hpp"
#include "core/provider/session_exchange.hpp"
#include "provider_fixture.hpp"

namespace cmms::provider {
namespace {

using namespace std::chrono_literals;
using test::answered;
using test::header_of;

const SystemTime start = SystemTime(std::chrono::seconds(1'800'000'000));

constexpr char oauth[] = R"({"style": "oauth2_client_credentials", "token_url": "{token_url}",
  "client_id": "{client_id}", "client_secret": "{client_secret}", "scope": "{scope}",
  "client_authentication": "{client_authentication}"})";
constexpr std::string_view no_session;
constexpr char csrf[] = R"({"style": "csrf", "path": "{service_path}/"})";

std::string descriptor_text(std::string_view authentication, std::string_view session) {
  std::string text = R"({"type": "sessions", "name": "Sessions", "options": {
    "token_url": {"default": "/oauth2/token"}, "scope": {}, "client_authentication": {"default": "basic"},
    "service_path": {"format": "path", "default": "/orders"}, "sap_client": {"default": "100"}},
    "credentials": {"client_id": {}, "client_secret": {}, "username": {}, "password": {}, "api_key": {}},
    "headers": {"sap-client": "{sap_client}"}, "authentication": [)";
  text.append(authentication).append("]");
  if (session.starts_with('{')) text.append(", \"session\": ").append(session);
  return text + R"(, "resources": {"work_order": {"id": "$.id",
    "create": {"method": "POST", "path": "{service_path}/Order"},
    "update": {"method": "PATCH", "path": "/notifications/Item")" +
         std::string(session == no_session ? "" : R"(, "session_path": "/notifications/")") + R"(},
    "list": {"method": "GET", "path": "{service_path}/Order", "records": "$.value"}}}})";
}

ConnectionInput input_of(std::string_view authentication, std::string_view session = no_session) {
  Result<Descriptor> descriptor = parse_descriptor(descriptor_text(authentication, session));
  if (!descriptor) ADD_FAILURE() << descriptor.error().message;
  ConnectionInput input;
  input.provider_id = "plant_a";
  input.tenant_id = "default";
  input.descriptor = std::make_shared<const Descriptor>(std::move(descriptor).value());
  input.options = {{"base_url", "https://sap.test/"}};
  input.credentials = {{"client_id", "cli:ent"}, {"client_secret", "s3cret/token"}};
  return input;
}

std::shared_ptr<const Connection> connect_oauth(std::string_view session = no_session) {
  return test::connect(input_of(oauth, session));
}

Request request_of(const Connection& connection, const std::optional<OperationSpec>& operation) {
  Result<Request> request = make_request(connection, *operation, {});
  if (!request) ADD_FAILURE() << request.error().message;
  return std::move(request).value();
}

const ResourceSpec& orders(const Connection& connection) {
  return *connection.descriptor->resource("work_order");
}

Request create_of(const Connection& connection) { return request_of(connection, orders(connection).create); }
Request update_of(const Connection& connection) { return request_of(connection, orders(connection).update); }
Request list_of(const Connection& connection) { return request_of(connection, orders(connection).list); }

Outcome token_answer(const std::string& token, const std::string& more = R"(, "expires_in": 3600)") {
  return answered(200, R"({"token_type": "bearer", "access_token": ")" + token + "\"" + more + "}");
}

Outcome csrf_answer(const std::string& token) { return answered(200, "{}", {{"X-CSRF-Token", token}}); }

Outcome csrf_refusal() {
  return answered(403, "CSRF token validation failed", {{"x-csrf-token", "Required"}});
}

// The error of the one outcome that the job would see.
Classified classified(const std::optional<Outcome>& outcome) {
  if (!outcome) {
    ADD_FAILURE() << "the exchange goes on";
    return {};
  }
  return classify(*outcome, false, {}, start);
}

// Fetches a token through an exchange of its own.
void fill_token(const std::shared_ptr<const Connection>& connection, const Outcome& answer, SystemTime now) {
  SessionExchange exchange(connection, list_of(*connection));
  exchange.next(now);
  EXPECT_TRUE(exchange.is_preparing());
  EXPECT_FALSE(exchange.on_outcome(answer, now));
}

TEST(Bearer, SendsAndMasksAFixedToken) {
  ConnectionInput input = input_of(R"({"style": "bearer", "token": "{api_key}"})");
  input.credentials = {{"api_key", "fixed-token"}};
  const auto connection = test::connect(std::move(input));
  SessionExchange exchange(connection, create_of(*connection));
  const Request request = exchange.next(start);
  EXPECT_FALSE(exchange.is_preparing());
  EXPECT_EQ(header_of(request, "Authorization"), "Bearer fixed-token");
  EXPECT_EQ(redact("x fixed-token", connection->secrets()).find("fixed-token"), std::string::npos);
}

TEST(OAuth2, AsksForTheTokenOnceAndKeepsIt) {
  const auto connection = connect_oauth();
  const Request create = create_of(*connection);
  EXPECT_TRUE(create.wants_token);
  EXPECT_EQ(header_of(create, "Authorization"), "<absent>");  // what a preview could show

  SessionExchange first(connection, create);
  const Request token = first.next(start);
  ASSERT_TRUE(first.is_preparing());
  EXPECT_EQ(token.method, "POST");
  EXPECT_EQ(token.url, "https://sap.test/oauth2/token");
  EXPECT_EQ(token.body, "grant_type=client_credentials");
  EXPECT_EQ(header_of(token, "Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(header_of(token, "Authorization"), "Basic Y2xpJTNBZW50OnMzY3JldCUyRnRva2Vu");  // RFC 6749, 2.3.1
  EXPECT_TRUE(token.idempotent);
  EXPECT_FALSE(first.on_outcome(token_answer("tok-1"), start));
  EXPECT_EQ(header_of(first.next(start), "Authorization"), "Bearer tok-1");
  EXPECT_FALSE(first.is_preparing());
  EXPECT_TRUE(first.on_outcome(answered(201, "{}"), start));

  SessionExchange second(connection, list_of(*connection));
  EXPECT_EQ(header_of(second.next(start + 50min), "Authorization"), "Bearer tok-1");
  EXPECT_FALSE(second.is_preparing());
}

TEST(OAuth2, SendsTheClientInTheBodyWhereThatIsWanted) {
  ConnectionInput input = input_of(oauth);
  input.options.insert(
      {{"client_authentication", "body"}, {"scope", "a b"}, {"token_url", "https://id.test/t"}});
  const auto connection = test::connect(std::move(input));
  const Request token = SessionExchange(connection, list_of(*connection)).next(start);
  EXPECT_EQ(token.url, "https://id.test/t");
  EXPECT_EQ(token.body,
            "grant_type=client_credentials&scope=a%20b&client_id=cli%3Aent&client_secret=s3cret%2Ftoken");
  EXPECT_EQ(header_of(token, "Authorization"), "<absent>");
}

TEST(OAuth2, ReplacesATokenBeforeItEnds) {
  struct Life {
    std::string answer;
    std::chrono::seconds good_for;
    std::chrono::seconds bad_after;
  };
  const std::vector<Life> lives{{R"(, "expires_in": 3600)", 3539s, 3541s},
                                {R"(, "expires_in": "20")", 17s, 18s},
                                {"", 269s, 271s},
                                {R"(, "expires_in": null)", 269s, 271s}};
  for (const Life& life : lives) {
    const auto connection = connect_oauth();
    fill_token(connection, token_answer("tok-1", life.answer), start);
    SessionExchange exchange(connection, list_of(*connection));
    exchange.next(start + life.good_for);
    EXPECT_FALSE(exchange.is_preparing()) << life.answer;
    SessionExchange late(connection, list_of(*connection));
    late.next(start + life.bad_after);
    EXPECT_TRUE(late.is_preparing()) << life.answer;
  }
}

TEST(OAuth2, UsesATokenThatEndsAtOnceForTheRequestThatAskedForIt) {
  const auto connection = connect_oauth();
  SessionExchange exchange(connection, list_of(*connection));
  exchange.next(start);
  EXPECT_FALSE(exchange.on_outcome(token_answer("tok-1", R"(, "expires_in": 0)"), start));
  exchange.next(start + 1s);
  EXPECT_FALSE(exchange.is_preparing());
}

TEST(OAuth2, RenewsARefusedTokenOnce) {
  const auto connection = connect_oauth();
  fill_token(connection, token_answer("old"), start);
  SessionExchange exchange(connection, create_of(*connection));
  EXPECT_EQ(header_of(exchange.next(start), "Authorization"), "Bearer old");
  EXPECT_FALSE(exchange.on_outcome(answered(401, ""), start));
  exchange.next(start);
  ASSERT_TRUE(exchange.is_preparing());
  EXPECT_FALSE(exchange.on_outcome(token_answer("new"), start));
  EXPECT_EQ(header_of(exchange.next(start), "Authorization"), "Bearer new");
  const Classified refused = classified(exchange.on_outcome(answered(401, ""), start));
  EXPECT_EQ(refused.error->error_class, ErrorClass::authentication);
  EXPECT_EQ(refused.disposition, Disposition::retry);
}

TEST(OAuth2, DoesNotAskAgainWhenAnotherHasReplacedTheToken) {
  const auto connection = connect_oauth();
  fill_token(connection, token_answer("old"), start);
  SessionExchange first(connection, list_of(*connection));
  SessionExchange second(connection, list_of(*connection));
  first.next(start);
  second.next(start);
  EXPECT_FALSE(first.on_outcome(answered(401, ""), start));
  first.next(start);
  EXPECT_FALSE(first.on_outcome(token_answer("new"), start));
  EXPECT_FALSE(second.on_outcome(answered(401, ""), start));
  EXPECT_EQ(header_of(second.next(start), "Authorization"), "Bearer new");
  EXPECT_FALSE(second.is_preparing());
}

TEST(OAuth2, AsksOneAtATime) {
  const auto connection = connect_oauth();
  SessionExchange second(connection, list_of(*connection));
  {
    SessionExchange first(connection, list_of(*connection));
    first.next(start);
    EXPECT_EQ(second.ready_at(start), std::nullopt);
  }  // given up on its way
  EXPECT_EQ(second.ready_at(start), start);
  second.next(start);
  SessionExchange third(connection, list_of(*connection));
  EXPECT_FALSE(second.on_outcome(token_answer("tok"), start));
  EXPECT_EQ(third.ready_at(start), start);
  third.next(start);
  EXPECT_FALSE(third.is_preparing());
}

TEST(OAuth2, TurnsARefusalIntoAnErrorToActOn) {
  const auto connection = connect_oauth();
  SessionExchange exchange(connection, create_of(*connection));
  exchange.next(start);
  const auto outcome = exchange.on_outcome(
      answered(400, R"({"error": "invalid_client", "error_description": "unknown\nclient"})"), start);
  const Classified refused = classified(outcome);
  EXPECT_EQ(outcome->delivery, Delivery::not_sent);
  EXPECT_EQ(refused.disposition, Disposition::retry);  // of a create: certainly not sent
  EXPECT_TRUE(refused.provider_wide);
  EXPECT_EQ(refused.http_status, 400);
  EXPECT_EQ(refused.error->error_class, ErrorClass::authentication);
  EXPECT_EQ(refused.error->message,
            "no access token: the token endpoint answered 400: invalid_client: unknown?client");
  EXPECT_NE(refused.error->hint.find("client id and secret"), std::string::npos);
  SessionExchange next(connection, create_of(*connection));
  EXPECT_EQ(next.ready_at(start), start + 1s);  // leaves the token endpoint alone for a moment
}

TEST(OAuth2, ClassifiesEveryFailureOfTheTokenEndpointAsNotSent) {
  struct Case {
    Outcome outcome;
    ErrorClass error_class;
  };
  const std::vector<Case> cases{
      {answered(401, ""), ErrorClass::authentication},
      {answered(403, "<html>"), ErrorClass::authentication},
      {answered(404, ""), ErrorClass::configuration},
      {answered(302, "", {{"Location", "https://evil.test/"}}), ErrorClass::configuration},
      {answered(500, ""), ErrorClass::provider_unavailable},
      {answered(503, "", {{"Retry-After", "7"}}), ErrorClass::provider_unavailable},
      {answered(429, "", {{"Retry-After", "7"}}), ErrorClass::provider_unavailable},
      {test::failed(Delivery::unknown), ErrorClass::provider_unavailable},
      {test::failed(Delivery::not_sent), ErrorClass::provider_unavailable},
      {answered(200, "<html>"), ErrorClass::authentication},
      {answered(200, R"({"access_token": "a b"})"), ErrorClass::authentication},
      {answered(200, R"({"access_token": "x", "token_type": "mac"})"), ErrorClass::authentication},
  };
  for (const Case& each : cases) {
    const auto connection = connect_oauth();
    SessionExchange exchange(connection, create_of(*connection));
    exchange.next(start);
    const Classified failed = classified(exchange.on_outcome(each.outcome, start));
    ASSERT_TRUE(failed.error);
    EXPECT_EQ(failed.error->error_class, each.error_class) << failed.error->message;
    EXPECT_EQ(failed.disposition, Disposition::retry) << failed.error->message;
    EXPECT_TRUE(failed.provider_wide);
    const bool is_asked_to_wait = each.outcome.response.header("retry-after").has_value();
    EXPECT_EQ(failed.retry_after, is_asked_to_wait ? std::optional(7s) : std::nullopt);
  }
}

TEST(OAuth2, MasksTokensAndTheBasicHeader) {
  const auto connection = connect_oauth();
  fill_token(connection, token_answer("secret-token-1"), start);
  const std::string text =
      redact("Bearer secret-token-1, Basic Y2xpJTNBZW50OnMzY3JldCUyRnRva2Vu, client_secret=s3cret%2Ftoken",
             connection->secrets());
  EXPECT_EQ(text.find("secret-token-1"), std::string::npos) << text;
  EXPECT_EQ(text.find("Y2xpJTNB"), std::string::npos) << text;
  EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
}

TEST(OAuth2, RefusesATokenUrlThatIsLessProtected) {
  for (const char* url : {"http://id.test/token", "ftp://id.test/", "token"}) {
    ConnectionInput input = input_of(oauth);
    input.options.insert_or_assign("token_url", url);
    const auto made = make_connection(std::move(input));
    ASSERT_FALSE(made.ok()) << url;
    EXPECT_EQ(made.error().error_class, ErrorClass::configuration);
  }
}

TEST(Csrf, FetchesTheTokenBeforeModifyingRequestsOnly) {
  const auto connection = connect_oauth(csrf);
  SessionExchange reading(connection, list_of(*connection));
  EXPECT_EQ(reading.next(start).url, "https://sap.test/oauth2/token");
  EXPECT_FALSE(reading.on_outcome(token_answer("tok"), start));
  const Request list = reading.next(start);
  EXPECT_EQ(list.method, "GET");
  EXPECT_EQ(header_of(list, "x-csrf-token"), "<absent>");

  SessionExchange writing(connection, create_of(*connection));
  const Request fetch = writing.next(start);
  ASSERT_TRUE(writing.is_preparing());
  EXPECT_EQ(fetch.method, "GET");
  EXPECT_EQ(fetch.url, "https://sap.test/orders/");
  EXPECT_EQ(header_of(fetch, "x-csrf-token"), "fetch");
  EXPECT_EQ(header_of(fetch, "Accept"), "application/json");
  EXPECT_EQ(header_of(fetch, "sap-client"), "100");
  EXPECT_EQ(header_of(fetch, "Authorization"), "Bearer tok");
  EXPECT_EQ(fetch.cookies, list.cookies);
  EXPECT_NE(fetch.cookies, nullptr);
  EXPECT_FALSE(writing.on_outcome(csrf_answer("csrf-1"), start));
  const Request create = writing.next(start);
  EXPECT_EQ(create.method, "POST");
  EXPECT_EQ(header_of(create, "x-csrf-token"), "csrf-1");
  EXPECT_EQ(create.cookies, fetch.cookies);

  SessionExchange again(connection, create_of(*connection));
  EXPECT_EQ(header_of(again.next(start), "x-csrf-token"), "csrf-1");
}

TEST(Csrf, KeepsATokenForEachSessionPath) {
  const auto connection = connect_oauth(csrf);
  fill_token(connection, token_answer("tok"), start);
  SessionExchange create(connection, create_of(*connection));
  SessionExchange update(connection, update_of(*connection));
  const Request fetch = create.next(start);
  EXPECT_EQ(fetch.url, "https://sap.test/orders/");
  EXPECT_EQ(update.ready_at(start), start);  // not held up by the other session
  const Request other_fetch = update.next(start);
  EXPECT_EQ(other_fetch.url, "https://sap.test/notifications/");
  EXPECT_NE(fetch.cookies, other_fetch.cookies);  // both services may name their cookies alike
  EXPECT_FALSE(create.on_outcome(csrf_answer("csrf-orders"), start));
  EXPECT_FALSE(update.on_outcome(csrf_answer("csrf-notifications"), start));
  EXPECT_EQ(header_of(create.next(start), "x-csrf-token"), "csrf-orders");
  const Request sent = update.next(start);
  EXPECT_EQ(header_of(sent, "x-csrf-token"), "csrf-notifications");
  EXPECT_EQ(sent.cookies, other_fetch.cookies);
}

TEST(Csrf, RenewsARequiredTokenOnce) {
  const auto connection = connect_oauth(csrf);
  fill_token(connection, token_answer("tok"), start);
  SessionExchange exchange(connection, create_of(*connection));
  exchange.next(start);
  EXPECT_FALSE(exchange.on_outcome(csrf_answer("csrf-1"), start));
  exchange.next(start);
  EXPECT_FALSE(exchange.on_outcome(csrf_refusal(), start));
  exchange.next(start);
  ASSERT_TRUE(exchange.is_preparing());
  EXPECT_FALSE(exchange.on_outcome(csrf_answer("csrf-2"), start));
  const Request resent = exchange.next(start);
  EXPECT_EQ(resent.method, "POST");
  EXPECT_EQ(header_of(resent, "x-csrf-token"), "csrf-2");
  const Classified refused = classified(exchange.on_outcome(csrf_refusal(), start));
  EXPECT_EQ(refused.error->error_class, ErrorClass::authorization);
  EXPECT_EQ(refused.disposition, Disposition::retry);
}

TEST(Csrf, LeavesOtherRefusalsToTheJob) {
  const auto connection = connect_oauth(csrf);
  fill_token(connection, token_answer("tok"), start);
  SessionExchange exchange(connection, create_of(*connection));
  exchange.next(start);
  EXPECT_FALSE(exchange.on_outcome(csrf_answer("csrf-1"), start));
  exchange.next(start);
  EXPECT_TRUE(exchange.on_outcome(answered(403, "no role"), start));
}

TEST(Csrf, RenewsTheAccessTokenThatTheFetchWasRefusedFor) {
  const auto connection = connect_oauth(csrf);
  fill_token(connection, token_answer("old"), start);
  SessionExchange exchange(connection, create_of(*connection));
  EXPECT_EQ(exchange.next(start).url, "https://sap.test/orders/");
  EXPECT_FALSE(exchange.on_outcome(answered(401, ""), start));
  EXPECT_EQ(exchange.next(start).url, "https://sap.test/oauth2/token");
  EXPECT_FALSE(exchange.on_outcome(token_answer("new"), start));
  const Request fetch = exchange.next(start);
  EXPECT_EQ(fetch.url, "https://sap.test/orders/");
  EXPECT_EQ(header_of(fetch, "Authorization"), "Bearer new");
}

TEST(Csrf, SaysWhyThereIsNoToken) {
  const auto connection = connect_oauth(csrf);
  fill_token(connection, token_answer("tok"), start);
  const auto failure = [&](const Outcome& outcome) {
    SessionExchange exchange(connection, create_of(*connection));
    exchange.next(start);
    return classified(exchange.on_outcome(outcome, start));
  };
  EXPECT_EQ(failure(answered(404, "")).error->error_class, ErrorClass::configuration);
  EXPECT_EQ(failure(answered(200, "{}")).error->error_class, ErrorClass::configuration);
  EXPECT_EQ(failure(answered(403, "no role")).error->error_class, ErrorClass::authorization);
  EXPECT_EQ(failure(test::failed(Delivery::unknown)).error->message, "no CSRF token: connection lost");
  EXPECT_EQ(failure(test::failed(Delivery::unknown)).disposition, Disposition::retry);
}

TEST(Csrf, MasksTokenAndCookies) {
  const auto connection = connect_oauth(csrf);
  fill_token(connection, token_answer("tok"), start);
  SessionExchange exchange(connection, create_of(*connection));
  exchange.next(start);
  EXPECT_FALSE(exchange.on_outcome(answered(200, "",
                                            {{"x-csrf-token", "csrf-secret=="},
                                             {"set-cookie", "sap-usercontext=sap-client=100; path=/"},
                                             {"set-cookie", "SAP_SESSIONID=0123456789abcdefgh; path=/"}}),
                                   start));
  const std::string text = redact("csrf-secret== 0123456789abcdefgh sap-client=100", connection->secrets());
  EXPECT_EQ(text.find("csrf-secret"), std::string::npos);
  EXPECT_EQ(text.find("0123456789abcdefgh"), std::string::npos);
  EXPECT_NE(text.find("sap-client=100"), std::string::npos);
}

TEST(Csrf, IsNotUndoneByAFailedPush) {
  const auto connection = connect_oauth(csrf);
  job::PushInput input;
  input.reference = test::reference;
  input.record = test::shared("{}");
  auto push = job::make_push(connection, std::move(input));
  ASSERT_TRUE(push.ok());
  SessionExchange exchange(connection, test::request_of(push.value()->start()));
  exchange.next(start);
  const auto outcome = exchange.on_outcome(test::failed(Delivery::unknown), start);
  ASSERT_TRUE(outcome);
  const job::Conclusion conclusion = test::conclusion_of(push.value()->on_outcome(*outcome));
  EXPECT_EQ(conclusion.verdict, job::Verdict::retry);  // not in_doubt: nothing was created
  EXPECT_TRUE(conclusion.provider_wide);
}

TEST(Sessions, AreCheckedWithTheirDescriptor) {
  const auto message = [](std::string_view authentication, std::string_view session) {
    const Result<Descriptor> made = parse_descriptor(descriptor_text(authentication, session));
    return made ? std::string("<ok>") : made.error().message;
  };
  EXPECT_EQ(message(oauth, csrf), "<ok>");
  EXPECT_EQ(message(R"({"style": "bearer"})", csrf),
            "invalid descriptor at $.authentication: member \"token\" is missing");
  EXPECT_EQ(message(oauth, R"({"style": "magic"})"),
            "invalid descriptor at $.session: unknown style \"magic\"");
  EXPECT_EQ(message(oauth, R"({"style": "csrf"})"),
            "invalid descriptor at $.session: member \"path\" is missing");
  EXPECT_EQ(message(oauth, R"({"style": "csrf", "path": "/x", "cookie": "y"})"),
            "invalid descriptor at $.session.cookie: unknown member");
  EXPECT_EQ(message(oauth, R"({"style": "csrf", "path": "x"})"),
            "invalid descriptor at $.session.path: must start with a slash");
  EXPECT_EQ(message(oauth, R"({"style": "csrf", "path": "/x", "method": "POST"})"),
            "invalid descriptor at $.session.method: must be GET or HEAD");
  EXPECT_EQ(message(oauth, R"({"style": "csrf", "path": "/x", "unsafe_methods": "POST, GET"})"),
            "invalid descriptor at $.session.unsafe_methods: must name modifying methods only");
  EXPECT_EQ(
      message(oauth, "a session path without a session"),
      "invalid descriptor at $.resources.work_order.update.session_path: the descriptor has no session");
}

}  // namespace
}  // namespace cmms::provider
