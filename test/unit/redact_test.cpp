#include "core/exchange/redact.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace cmms {
namespace {

using Secrets = std::vector<std::string_view>;

TEST(RedactTest, MasksEveryOccurrence) {
  EXPECT_EQ(redact("a s3cr3t and s3cr3ts3cr3t", Secrets{"s3cr3t"}), "a *** and ******");
  EXPECT_EQ(redact("nothing here", Secrets{"s3cr3t"}), "nothing here");
  EXPECT_EQ(redact("", Secrets{"s3cr3t"}), "");
  EXPECT_EQ(redact("text", Secrets{}), "text");
}

TEST(RedactTest, MasksTheLongestFirst) {
  EXPECT_EQ(redact("key=topsecret-more", Secrets{"topsecret", "topsecret-more"}), "key=***");
}

TEST(RedactTest, LeavesShortSecretsAlone) {
  EXPECT_EQ(redact("abc abcd", Secrets{"abc", ""}), "abc abcd");
  EXPECT_EQ(redact("abc abcd", Secrets{"abcd"}), "abc ***");
}

TEST(RedactTest, MasksEncodedForms) {
  EXPECT_EQ(redact("x=p%40ss%2Fword%21", Secrets{"p@ss/word!"}), "x=***");
  EXPECT_EQ(redact("x=p%40ss%2fword%21", Secrets{"p@ss/word!"}), "x=***");
  EXPECT_EQ(redact(R"({"password":"pa\"ss\\word"})", Secrets{R"(pa"ss\word)"}), R"({"password":"***"})");
}

TEST(RedactTest, MasksTheSecretInsideBase64) {
  const Secrets secrets{"correct horse"};
  // base64 of "user:correct horse", "me:correct horse" and "ab:correct horse" (the secret at each byte offset
  // modulo 3)
  for (const auto* text : {"Basic dXNlcjpjb3JyZWN0IGhvcnNl",
                           "Basic bWU6Y29ycmVjdCBob3JzZQ==", "Basic Ym9iOmNvcnJlY3QgaG9yc2U="}) {
    const auto redacted = redact(text, secrets);
    EXPECT_NE(redacted.find("***"), std::string::npos) << text;
    EXPECT_LT(redacted.size(), std::string_view(text).size()) << redacted;
  }
}

TEST(RedactUrlTest, MasksCredentialsAndSecretParameters) {
  EXPECT_EQ(redact_url("https://me:pw@host/x", {}), "https://***@host/x");
  EXPECT_EQ(redact_url("https://host/a?page=2&api_key=k1&Token=t2&z=1", {}),
            "https://host/a?page=2&api_key=***&Token=***&z=1");
  EXPECT_EQ(redact_url("https://host/a?sig=x&monkey=y&key=", {}), "https://host/a?sig=***&monkey=y&key=***");
  EXPECT_EQ(redact_url("https://host/s3cr3t/a@b?q=s3cr3t", Secrets{"s3cr3t"}), "https://host/***/a@b?q=***");
  EXPECT_EQ(redact_url("https://host", {}), "https://host");
  EXPECT_EQ(redact_url("not a url", {}), "not a url");
  EXPECT_EQ(redact_url("?", {}), "?");
  EXPECT_EQ(redact_url("", {}), "");
}

TEST(SecretHeaderTest, KnowsWhichHeadersMustNotBeStored) {
  for (const auto* name :
       {"Authorization", "PROXY-AUTHORIZATION", "cookie", "Set-Cookie", "X-API-Key", "Api-Key",
        "X-Auth-Token", "X-Client-Secret", "Ocp-Apim-Subscription-Key", "X-Session-Id"}) {
    EXPECT_TRUE(is_secret_header(name)) << name;
  }
  for (const auto* name : {"Content-Type", "webhook-signature", "webhook-id", "X-Entity-Id", "Date", ""}) {
    EXPECT_FALSE(is_secret_header(name)) << name;
  }
}

}  // namespace
}  // namespace cmms
