#include "core/exchange/classify.hpp"

#include <gtest/gtest.h>

#include "core/json/jansson.hpp"

namespace cmms {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime now{std::chrono::seconds(1'700'000'000)};

path::Path path_of(std::string_view text) {
  auto path = path::Path::parse(text);
  EXPECT_TRUE(path.ok()) << text;
  return std::move(path).value();
}

ErrorPaths usual_paths() { return {{path_of("$.message"), path_of("$.error")}, {path_of("$.errors")}}; }

Outcome answered(int status, std::string body = {}, std::vector<Header> headers = {}) {
  Outcome outcome;
  outcome.delivery = Delivery::answered;
  outcome.response = {status, std::move(headers), std::move(body)};
  return outcome;
}

Outcome unanswered(Delivery delivery, Failure failure, std::string error, int status = 0) {
  Outcome outcome;
  outcome.delivery = delivery;
  outcome.failure = failure;
  outcome.error = std::move(error);
  outcome.response.status = status;
  return outcome;
}

Classified create(const Outcome& outcome) { return classify(outcome, false, usual_paths(), now); }
Classified update(const Outcome& outcome) { return classify(outcome, true, usual_paths(), now); }

TEST(ClassifyTest, TwoHundredsAreAnswered) {
  for (const int status : {200, 201, 202, 204, 299}) {
    const auto classified = create(answered(status));
    EXPECT_EQ(classified.disposition, Disposition::answered_ok);
    EXPECT_FALSE(classified.error.has_value());
    EXPECT_FALSE(classified.provider_wide);
    EXPECT_EQ(classified.http_status, status);
  }
}

struct StatusCase {
  int status;
  Disposition create;
  Disposition update;
  ErrorClass error_class;
  bool provider_wide;
};

TEST(ClassifyTest, EveryStatusHasItsMeaning) {
  using enum Disposition;
  using enum ErrorClass;
  const std::vector<StatusCase> cases{
      {301, retry, retry, configuration, true},
      {304, retry, retry, configuration, true},
      {400, rejected, rejected, validation, false},
      {401, retry, retry, authentication, true},
      {402, retry, retry, authorization, true},
      {403, retry, retry, authorization, true},
      {404, rejected, rejected, identity, false},
      {405, rejected, rejected, configuration, false},
      {407, retry, retry, authentication, true},
      {408, in_doubt, retry, provider_unavailable, false},
      {409, rejected, rejected, conflict, false},
      {410, rejected, rejected, identity, false},
      {412, rejected, rejected, conflict, false},
      {413, rejected, rejected, validation, false},
      {415, rejected, rejected, validation, false},
      {422, rejected, rejected, validation, false},
      {423, retry, retry, conflict, false},
      {425, retry, retry, provider_unavailable, false},
      {428, rejected, rejected, conflict, false},
      {429, retry, retry, provider_unavailable, true},
      {499, rejected, rejected, validation, false},
      {500, in_doubt, retry, provider_unavailable, false},
      {501, rejected, rejected, configuration, false},
      {502, in_doubt, retry, provider_unavailable, true},
      {503, in_doubt, retry, provider_unavailable, true},
      {504, in_doubt, retry, provider_unavailable, true},
      {599, in_doubt, retry, provider_unavailable, false},
      {0, in_doubt, retry, provider_unavailable, false},
      {101, in_doubt, retry, provider_unavailable, false},
      {999, in_doubt, retry, provider_unavailable, false},
  };
  for (const auto& expected : cases) {
    for (const bool idempotent : {false, true}) {
      const auto classified =
          idempotent ? update(answered(expected.status)) : create(answered(expected.status));
      EXPECT_EQ(classified.disposition, idempotent ? expected.update : expected.create) << expected.status;
      EXPECT_EQ(classified.provider_wide, expected.provider_wide) << expected.status;
      ASSERT_TRUE(classified.error.has_value());
      EXPECT_EQ(classified.error->error_class, expected.error_class) << expected.status;
    }
  }
}

TEST(ClassifyTest, MessagesNameTheStatus) {
  EXPECT_EQ(create(answered(422)).error->message, "provider answered 422 Unprocessable Entity");
  EXPECT_EQ(create(answered(429)).error->message, "provider answered 429 Too Many Requests");
  EXPECT_EQ(create(answered(599)).error->message, "provider answered 599");
}

TEST(ClassifyTest, KeepsWhatTheProviderSays) {
  const auto classified = create(answered(
      422,
      R"({"message":"Validation\n  failed","errors":{"title":["can't be blank"],"location_id":["?"]}})"));
  EXPECT_EQ(classified.error->message, "provider answered 422 Unprocessable Entity: Validation failed");
  EXPECT_EQ(classified.error_fields, R"({"title":["can't be blank"],"location_id":["?"]})");
}

TEST(ClassifyTest, TakesTheFirstPathThatHoldsSomething) {
  EXPECT_EQ(create(answered(400, R"({"message":null,"error":"bad title","errors":[]})")).error->message,
            "provider answered 400 Bad Request: bad title");
  EXPECT_EQ(create(answered(400, R"({"message":" ","error":{"code":7}})")).error->message,
            R"(provider answered 400 Bad Request: {"code":7})");
  EXPECT_EQ(create(answered(400, R"({"errors":[]})")).error_fields, "");
  EXPECT_EQ(create(answered(400, R"("just a string")")).error->message,
            "provider answered 400 Bad Request: just a string");
}

TEST(ClassifyTest, JoinsTheMatchesOfAWildcard) {
  const ErrorPaths paths{{path_of("$.errors[*].detail")}, {path_of("$.errors[*].field")}};
  const auto outcome =
      answered(400, R"({"errors":[{"detail":"one","field":"a"},{"detail":"two","field":"b"}]})");
  const auto classified = classify(outcome, false, paths, now);
  EXPECT_EQ(classified.error->message, "provider answered 400 Bad Request: one; two");
  EXPECT_EQ(classified.error_fields, R"(["a","b"])");
}

TEST(ClassifyTest, ReadsPlainTextButNoPages) {
  EXPECT_EQ(create(answered(400, "Title too long\n", {{"Content-Type", "Text/Plain; charset=utf-8"}}))
                .error->message,
            "provider answered 400 Bad Request: Title too long");
  EXPECT_EQ(create(answered(400, "<html>", {{"Content-Type", "text/html"}})).error->message,
            "provider answered 400 Bad Request");
  EXPECT_EQ(create(answered(400, "{\"message\":")).error->message, "provider answered 400 Bad Request");
}

TEST(ClassifyTest, CapsWhatTheProviderSays) {
  std::string umlauts;
  for (int count = 0; count < 1000; ++count) umlauts += "\xC3\xBC";
  const auto classified = create(
      answered(400, R"({"message":"x)" + umlauts + R"(","errors":")" + std::string(100'000, 'e') + "\"}"));
  EXPECT_LT(classified.error->message.size(), 600U);
  EXPECT_EQ(classified.error->message.substr(classified.error->message.size() - 5), "\xC3\xBC...");
  EXPECT_LT(classified.error_fields.size(), 20'000U);
  EXPECT_TRUE(json::Document::parse(classified.error_fields).ok());
}

TEST(ClassifyTest, RedirectsNameTheirTarget) {
  const auto message = [](std::string location) {
    return create(answered(302, "", {{"Location", std::move(location)}})).error->message;
  };
  EXPECT_EQ(message("https://login.example.com/sso?x=1"),
            "provider answered 302 Found, a redirect to login.example.com, which is not followed");
  EXPECT_EQ(message("//user:pw@other.example:8443"),
            "provider answered 302 Found, a redirect to other.example:8443, which is not followed");
  EXPECT_EQ(message("/login?next=//x"),
            "provider answered 302 Found, a redirect to another path, which is not followed");
  EXPECT_NE(create(answered(302)).error->hint.find("base_url"), std::string::npos);
}

TEST(ClassifyTest, TakesRetryAfterWhereItHelps) {
  const std::vector<Header> headers{{"Retry-After", "17"}};
  EXPECT_EQ(create(answered(429, "", headers)).retry_after, 17s);
  EXPECT_EQ(create(answered(503, "", headers)).retry_after, 17s);
  EXPECT_EQ(create(answered(503, "", headers)).disposition, Disposition::in_doubt);
  EXPECT_EQ(update(answered(503, "", headers)).retry_after, 17s);
  EXPECT_EQ(update(answered(503, "", {{"Retry-After", "Tue, 14 Nov 2023 22:14:20 GMT"}})).retry_after, 60s);
  // By the provider's clock, which is an hour ahead.
  EXPECT_EQ(update(answered(503, "",
                            {{"Date", "Tue, 14 Nov 2023 23:13:20 GMT"},
                             {"Retry-After", "Tue, 14 Nov 2023 23:14:20 GMT"}}))
                .retry_after,
            60s);
  EXPECT_EQ(create(answered(422, "", headers)).retry_after, std::nullopt);
  EXPECT_EQ(create(answered(429, "", {{"Retry-After", "later"}})).retry_after, std::nullopt);
}

TEST(ClassifyTest, WhatWasNotSentIsTriedAgain) {
  for (const auto failure : {Failure::resolve, Failure::connect, Failure::tls, Failure::timed_out}) {
    const auto classified = create(unanswered(Delivery::not_sent, failure, "could not connect"));
    EXPECT_EQ(classified.disposition, Disposition::retry);
    EXPECT_TRUE(classified.provider_wide);
    EXPECT_EQ(classified.error->error_class, ErrorClass::provider_unavailable);
    EXPECT_EQ(classified.error->message, "could not connect");
    EXPECT_EQ(classified.http_status, 0);
  }
  EXPECT_NE(create(unanswered(Delivery::not_sent, Failure::tls, "x")).error->hint.find("ca_file"),
            std::string::npos);
  EXPECT_FALSE(create(Outcome{}).error->message.empty());
}

TEST(ClassifyTest, ARequestThatCannotBeSentIsRejected) {
  const auto classified = update(unanswered(Delivery::not_sent, Failure::refused, "the URL names no host"));
  EXPECT_EQ(classified.disposition, Disposition::rejected);
  EXPECT_EQ(classified.error->error_class, ErrorClass::configuration);
  EXPECT_FALSE(classified.provider_wide);
}

TEST(ClassifyTest, WhatMayHaveArrivedIsInDoubtUnlessRepeatable) {
  for (const auto failure : {Failure::timed_out, Failure::reset, Failure::too_large, Failure::malformed}) {
    const auto outcome = unanswered(Delivery::unknown, failure, "connection broke off", 201);
    EXPECT_EQ(create(outcome).disposition, Disposition::in_doubt);
    EXPECT_EQ(create(outcome).http_status, 201);
    EXPECT_FALSE(create(outcome).error->detail.empty());
    EXPECT_EQ(update(outcome).disposition, Disposition::retry);
    EXPECT_EQ(update(outcome).provider_wide, failure != Failure::too_large);
  }
}

// Lines of real answers of SAP, Mobility Work and a server of SAP's own runtime.
constexpr std::string_view locked =
    R"({"error":{"code":"56/393","message":{"lang":"en","value":"Order 4000001 is blocked by user JDOE"},)"
    R"("innererror":{"errordetails":[{"code":"56/393","message":"locked","propertyref":"","severity":"error"}]}}})";
constexpr std::string_view no_service =
    R"({"error":{"code":"/IWFND/MED/170","message":{"lang":"en","value":"No service found"}}})";
constexpr std::string_view no_equipment =
    R"({"code":4000001,"message":"Invalid input","extended_message":{"property_errors":{"equipment":["Unknown equipment"]}}})";

ErrorRule rule(std::vector<int> statuses, ErrorRule::Match match, std::string text, const char* path = "") {
  ErrorRule rule;
  rule.statuses = std::move(statuses);
  rule.match = match;
  rule.texts = {std::move(text)};
  if (*path != '\0') rule.paths.push_back(path_of(path));
  return rule;
}

ErrorPaths ruled_paths() {
  using Match = ErrorRule::Match;
  ErrorPaths paths{
      {path_of("$.error.message.value"), path_of("$.error.message"), path_of("$.message")},
      {path_of("$.error.innererror.errordetails"), path_of("$.extended_message.property_errors")}};
  ErrorRule lock = rule({400}, Match::contains, "is blocked by USER");
  lock.error_class = ErrorClass::conflict;
  lock.disposition = Disposition::retry;
  ErrorRule service = rule({403}, Match::equals, "/IWFND/MED/170", "$.error.code");
  service.error_class = ErrorClass::configuration;
  service.hint = "Check service_path.";
  ErrorRule equipment =
      rule({}, Match::starts_with, "unknown", "$.extended_message.property_errors.equipment[*]");
  equipment.error_class = ErrorClass::identity;
  ErrorRule certain = rule({500}, Match::contains, "nothing was done");
  certain.disposition = Disposition::retry;
  certain.provider_wide = true;
  ErrorRule doubtful = rule({400}, Match::contains, "perhaps");
  doubtful.disposition = Disposition::in_doubt;
  paths.rules = {lock, service, equipment, certain, doubtful};
  return paths;
}

Classified ruled(int status, std::string_view body, bool idempotent = false) {
  return classify(answered(status, std::string(body), {{"Retry-After", "3"}}), idempotent, ruled_paths(),
                  now);
}

TEST(ErrorRuleTest, ARuleChangesWhatAnErrorMeans) {
  const Classified lock = ruled(400, locked);
  EXPECT_EQ(lock.disposition, Disposition::retry);
  EXPECT_EQ(lock.error->error_class, ErrorClass::conflict);
  EXPECT_FALSE(lock.provider_wide);
  EXPECT_EQ(lock.retry_after, 3s);
  EXPECT_EQ(lock.error->message, "provider answered 400 Bad Request: Order 4000001 is blocked by user JDOE");
  EXPECT_NE(lock.error_fields.find("propertyref"), std::string::npos);
  const Classified equipment = ruled(400, no_equipment);
  EXPECT_EQ(equipment.disposition, Disposition::rejected);
  EXPECT_EQ(equipment.error->error_class, ErrorClass::identity);
  EXPECT_EQ(equipment.error_fields, R"({"equipment":["Unknown equipment"]})");
}

TEST(ErrorRuleTest, WhatARuleDoesNotNameStays) {
  const Classified service = ruled(403, no_service);
  EXPECT_EQ(service.disposition, Disposition::retry);
  EXPECT_TRUE(service.provider_wide);
  EXPECT_EQ(service.error->error_class, ErrorClass::configuration);
  EXPECT_EQ(service.error->hint, "Check service_path.");
  EXPECT_EQ(ruled(403, "{}").error->error_class, ErrorClass::authorization);
  EXPECT_EQ(ruled(404, no_service).error->error_class, ErrorClass::identity);
  EXPECT_EQ(ruled(400, R"({"message":"bad"})").disposition, Disposition::rejected);
}

TEST(ErrorRuleTest, WhatWasCertainlyNotDoneIsNoDoubt) {
  const Classified certain = ruled(500, R"({"message":"Nothing was done"})");
  EXPECT_EQ(certain.disposition, Disposition::retry);
  EXPECT_TRUE(certain.error->detail.empty());
  EXPECT_TRUE(certain.provider_wide);
  EXPECT_EQ(ruled(400, R"({"message":"perhaps"})").disposition, Disposition::in_doubt);
  EXPECT_EQ(ruled(400, R"({"message":"perhaps"})", true).disposition, Disposition::retry);
}

TEST(ErrorRuleTest, MessagesMayBeTextsOrObjects) {
  EXPECT_EQ(ruled(400, R"({"error":{"message":"plain"}})").error->message,
            "provider answered 400 Bad Request: plain");
  EXPECT_EQ(ruled(400, R"({"error":{"message":{"lang":"en","value":"inside"}}})").error->message,
            "provider answered 400 Bad Request: inside");
}

TEST(ClassifyTest, DispositionsHaveNames) {
  EXPECT_EQ(parse_disposition("retry"), Disposition::retry);
  EXPECT_EQ(parse_disposition("answered_ok"), std::nullopt);
  EXPECT_EQ(disposition_name(Disposition::answered_ok), "answered_ok");
  EXPECT_EQ(disposition_name(Disposition::in_doubt), "in_doubt");
}

TEST(ReasonPhraseTest, KnowsTheUsualOnes) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
  EXPECT_EQ(reason_phrase(299), "");
  EXPECT_EQ(reason_phrase(-1), "");
}

}  // namespace
}  // namespace cmms
