#include "core/signature/signature.hpp"

#include <gtest/gtest.h>

#include <map>

namespace cmms::signature {
namespace {

using namespace std::chrono_literals;

// Made with the reference implementation of Standard Webhooks.
constexpr std::string_view secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::string_view other_secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
constexpr std::string_view good_signature = "v1,hw6D+jquXiPwVQiZTwb2ek9FSrOofldv7tv4JVMsFUY=";
constexpr std::string_view wrong_signature = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
constexpr SystemTime sent_at{std::chrono::seconds(1'700'000'000)};

struct Delivery {
  std::map<std::string, std::string, std::less<>> headers{{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
                                                          {"webhook-timestamp", "1700000000"},
                                                          {"webhook-signature", std::string(good_signature)}};
  std::string body = R"({"test": 2432232314})";
  SystemTime now = sent_at;
  std::vector<std::string_view> secrets{secret};
  Settings settings;

  Result<Verified> verify() const {
    const Message message{[this](std::string_view name) -> std::optional<std::string_view> {
                            const auto found = headers.find(name);
                            if (found == headers.end()) return std::nullopt;
                            return found->second;
                          },
                          body, now};
    return signature::verify("standard_webhooks", secrets, message, settings);
  }

  std::string refusal(ErrorClass expected = ErrorClass::authentication) const {
    const auto result = verify();
    if (result.ok()) return "accepted";
    EXPECT_EQ(result.error().error_class, expected);
    return result.error().message;
  }
};

TEST(StandardWebhooksTest, AcceptsTheReferenceVector) {
  const auto result = Delivery().verify();
  ASSERT_TRUE(result.ok()) << result.error().message;
  EXPECT_EQ(result.value().delivery_id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
  EXPECT_EQ(result.value().timestamp, std::chrono::sys_seconds(1'700'000'000s));
}

TEST(StandardWebhooksTest, AcceptsASecretWithoutItsPrefix) {
  Delivery delivery;
  delivery.secrets = {secret.substr(6)};
  EXPECT_EQ(delivery.refusal(), "accepted");
}

TEST(StandardWebhooksTest, AcceptsOneGoodSignatureAmongSeveral) {
  Delivery delivery;
  const std::string good(good_signature);
  const std::string wrong(wrong_signature);
  for (const auto& list : {wrong + " " + good, good + " " + wrong, "v1a,abcd " + good, "v1, v1,### " + good,
                           "  " + good + "  ", "v2," + good.substr(3) + " " + good}) {
    delivery.headers["webhook-signature"] = list;
    EXPECT_EQ(delivery.refusal(), "accepted") << list;
  }
}

TEST(StandardWebhooksTest, AcceptsAnyOfSeveralSecrets) {
  Delivery delivery;
  delivery.secrets = {other_secret, secret};
  EXPECT_EQ(delivery.refusal(), "accepted");
  delivery.secrets = {other_secret};
  EXPECT_EQ(delivery.refusal(), "webhook signature does not match");
}

TEST(StandardWebhooksTest, RefusesWhatWasChanged) {
  const auto change = [](auto change_it) {
    Delivery delivery;
    change_it(delivery);
    return delivery.refusal();
  };
  const std::string mismatch = "webhook signature does not match";
  EXPECT_EQ(change([](Delivery& delivery) { delivery.body += " "; }), mismatch);
  EXPECT_EQ(change([](Delivery& delivery) { delivery.body.clear(); }), mismatch);
  EXPECT_EQ(change([](Delivery& delivery) { delivery.body.back() = '\0'; }), mismatch);
  EXPECT_EQ(change([](Delivery& delivery) { delivery.headers["webhook-id"] = "msg_other"; }), mismatch);
  EXPECT_EQ(change([](Delivery& delivery) { delivery.headers["webhook-timestamp"] = "1700000001"; }),
            mismatch);
  EXPECT_EQ(change([](Delivery& delivery) { delivery.headers["webhook-signature"] = wrong_signature; }),
            mismatch);
}

TEST(StandardWebhooksTest, NamesTheMissingHeader) {
  for (const std::string name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
    Delivery delivery;
    delivery.headers.erase(name);
    EXPECT_EQ(delivery.refusal(), "webhook header \"" + name + "\" is missing");
    delivery.headers[name] = "  ";
    EXPECT_EQ(delivery.refusal(), "webhook header \"" + name + "\" is missing");
  }
}

TEST(StandardWebhooksTest, BoundsItsHeaders) {
  Delivery delivery;
  delivery.headers["webhook-id"] = std::string(257, 'x');
  EXPECT_EQ(delivery.refusal(), "webhook header \"webhook-id\" is longer than 256 bytes");
  delivery = {};
  delivery.headers["webhook-timestamp"] = std::string(16, '1');
  EXPECT_EQ(delivery.refusal(), "webhook header \"webhook-timestamp\" is longer than 15 bytes");
  delivery = {};
  delivery.headers["webhook-signature"] = std::string(4097, 'x');
  EXPECT_EQ(delivery.refusal(), "webhook header \"webhook-signature\" is longer than 4096 bytes");
  delivery = {};
  delivery.headers["webhook-id"] = "msg\n1";
  EXPECT_EQ(delivery.refusal(), "webhook header \"webhook-id\" holds unprintable characters");
}

TEST(StandardWebhooksTest, RefusesMalformedTimeStamps) {
  for (const auto* text : {"now", "-1700000000", "+1700000000", "1700000000.5", "0x6553f100", "2023-11-14"}) {
    Delivery delivery;
    delivery.headers["webhook-timestamp"] = text;
    EXPECT_EQ(delivery.refusal(),
              "webhook header \"webhook-timestamp\" is not a number of seconds since 1970")
        << text;
  }
}

TEST(StandardWebhooksTest, RefusesStaleAndFutureDeliveries) {
  Delivery delivery;
  delivery.now = sent_at + 300s + 900ms;
  EXPECT_EQ(delivery.refusal(), "accepted");
  delivery.now = sent_at + 301s;
  EXPECT_EQ(delivery.refusal(), "webhook time stamp is 301 seconds old");
  delivery.now = sent_at - 300s;
  EXPECT_EQ(delivery.refusal(), "accepted");
  delivery.now = sent_at - 301s;
  EXPECT_EQ(delivery.refusal(), "webhook time stamp lies 301 seconds in the future");
  delivery.settings.tolerance = 301s;
  EXPECT_EQ(delivery.refusal(), "accepted");
}

TEST(StandardWebhooksTest, RefusesAHeaderWithoutAUsableSignature) {
  for (const auto* text :
       {"hw6D+jquXiPwVQiZTwb2ek9FSrOofldv7tv4JVMsFUY=", "v1,", "v1,AAAA", "v1a,AAAA",
        "v1,A===", "v1,hw6D+jquXiPwVQiZTwb2ek9FSrOofldv7tv4JVMsFUY", "V1,AAAA", ",,, , "}) {
    Delivery delivery;
    delivery.headers["webhook-signature"] = text;
    EXPECT_EQ(delivery.refusal(), "webhook header \"webhook-signature\" holds no signature of version v1")
        << text;
  }
}

TEST(StandardWebhooksTest, AnUnusableSecretIsAConfigurationError) {
  Delivery delivery;
  delivery.secrets = {"whsec_not base64"};
  EXPECT_EQ(delivery.refusal(ErrorClass::configuration),
            "the webhook secret is not a Standard Webhooks secret");
  delivery.secrets = {};
  EXPECT_EQ(delivery.refusal(ErrorClass::configuration), "no webhook secret is configured for this provider");
  delivery.secrets.assign(17, secret);
  EXPECT_EQ(delivery.refusal(ErrorClass::configuration), "more than 16 webhook secrets are configured");
  EXPECT_TRUE(check_secret("standard_webhooks", secret).ok());
  for (const auto* text : {"", "whsec_", "whsec_====", "whsec_AAA", "topsecret!"}) {
    EXPECT_FALSE(check_secret("standard_webhooks", text).ok()) << text;
  }
}

TEST(NoneTest, AcceptsEverythingAndTrustsNoId) {
  Delivery delivery;
  const Message message{[](std::string_view) { return std::optional<std::string_view>("x"); }, "anything",
                        sent_at};
  const auto result = verify("none", {}, message);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.value().delivery_id, "");
  EXPECT_TRUE(check_secret("none", "").ok());
}

TEST(SchemeTest, UnknownSchemesAreConfigurationErrors) {
  const Message message{[](std::string_view) { return std::optional<std::string_view>(); }, "", sent_at};
  const auto result = verify("rot13", {}, message);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().error_class, ErrorClass::configuration);
  EXPECT_EQ(result.error().message, "unknown webhook signature scheme \"rot13\"");
  EXPECT_EQ(result.error().hint, "The schemes are: standard_webhooks, path_secret, none.");
  EXPECT_FALSE(check_secret("rot13", "x").ok());
  EXPECT_TRUE(is_known_scheme("none"));
  EXPECT_FALSE(is_known_scheme(""));
  EXPECT_EQ(scheme_names().size(), 3U);
}

}  // namespace
}  // namespace cmms::signature
