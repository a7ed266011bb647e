// The secret in the URL, for providers that sign nothing.
#include <gtest/gtest.h>

#include <map>

#include "core/signature/signature.hpp"

namespace cmms::signature {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view secret = "k3yOfThe-gateway.1";
constexpr std::string_view next_secret = "n3xtOfThe-gateway2";

std::string refusal(const Headers& headers, std::vector<std::string_view> secrets = {secret}) {
  const Message message{[&](std::string_view name) -> std::optional<std::string_view> {
                          const auto found = headers.find(name);
                          if (found == headers.end()) return std::nullopt;
                          return found->second;
                        },
                        "{}", SystemTime()};
  const auto result = verify("path_secret", secrets, message);
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.error().message.find(secret), std::string::npos);
  return result.error().message;
}

TEST(PathSecretTest, AcceptsTheLastSegmentOfThePath) {
  const std::string path = "/hooks/mobility/" + std::string(secret);
  EXPECT_EQ(refusal({{"x-webhook-path", path}}), "accepted");
  EXPECT_EQ(refusal({{"x-original-uri", path + "?a=b/c"}}), "accepted");
  EXPECT_EQ(refusal({{"x-forwarded-uri", path + "/"}}), "accepted");
  EXPECT_EQ(refusal({{"x-webhook-path", std::string(secret)}}), "accepted");
}

TEST(PathSecretTest, AcceptsAnyOfSeveralSecrets) {
  const Headers headers{{"x-webhook-path", "/hooks/" + std::string(next_secret)}};
  EXPECT_EQ(refusal(headers, {secret, next_secret}), "accepted");
  EXPECT_NE(refusal(headers), "accepted");
}

TEST(PathSecretTest, RefusesEverythingElse) {
  for (const std::string path : {"", "/", "/hooks/", "/hooks/k3yOfThe-gateway", "/k3yOfThe-gateway.1/x",
                                 "/hooks/K3YOFTHE-GATEWAY.1", "/hooks?k3yOfThe-gateway.1"}) {
    EXPECT_NE(refusal({{"x-webhook-path", path}}), "accepted") << path;
  }
  EXPECT_NE(refusal({}), "accepted");
  EXPECT_NE(refusal({{"x-webhook-path", "/" + std::string(5000, 'a')}}), "accepted");
  // The gateway's own header is the one that counts.
  EXPECT_NE(refusal({{"x-webhook-path", "/wrong"}, {"x-original-uri", "/" + std::string(secret)}}),
            "accepted");
}

TEST(PathSecretTest, ASecretMustFitInASegment) {
  EXPECT_TRUE(check_secret("path_secret", secret).ok());
  for (const std::string_view bad :
       {"short", "with/slash/and/more", "percent%20encoded%20", "with space in it ."}) {
    EXPECT_FALSE(check_secret("path_secret", bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace cmms::signature
