// Descriptors are read strictly, and options are checked against them.
#include "core/provider/descriptor.hpp"

#include <gtest/gtest.h>

#include "provider_fixture.hpp"

namespace cmms::provider {
namespace {

using test::descriptor_text;
using test::shipped_descriptor;

std::string minimal(const std::string& more = "", const std::string& resource = R"("id": "$.id")") {
  return R"({"type": "t", "name": "T", "resources": {"work_order": {)" + resource + "}}" + more + "}";
}

std::string parse_error(const std::string& text) {
  const auto descriptor = parse_descriptor(text);
  return descriptor ? "<ok>" : descriptor.error().message;
}

TEST(Descriptor, ShippedOnesAreValid) {
  for (const std::string type : {"clickmaint", "custom"}) {
    const auto descriptor = shipped_descriptor(type);
    ASSERT_NE(descriptor, nullptr);
    EXPECT_EQ(descriptor->type, type);
    EXPECT_NE(descriptor->resource("work_order"), nullptr);
    EXPECT_EQ(descriptor->resource("asset"), nullptr);
    for (const OptionSpec& option : descriptor->options) EXPECT_NE(option.description, "") << option.name;
    for (const OptionSpec& credential : descriptor->credentials) EXPECT_NE(credential.description, "");
  }
}

TEST(Descriptor, NamesThePathOfWhatIsWrong) {
  EXPECT_EQ(parse_error(minimal()), "<ok>");
  EXPECT_NE(parse_error(minimal(R"(, "optionz": {})")).find("$.optionz: unknown member"), std::string::npos);
  EXPECT_NE(parse_error(minimal(R"(, "options": {"a": {"defaut": "x"}})")).find("$.options.a.defaut"),
            std::string::npos);
  EXPECT_NE(parse_error(minimal("", R"("id": 5)")).find("$.resources.work_order.id"), std::string::npos);
  EXPECT_NE(
      parse_error(minimal("", R"("id": "$.id", "create": {"method": "POST"})")).find("\"path\" is missing"),
      std::string::npos);
  EXPECT_NE(parse_error(minimal("", R"("id": "$[")")).find("$.resources.work_order.id"), std::string::npos);
  const std::string probe = R"(, "probe": [{"permission": "p", "method": "GET", "path": "x"}])";
  EXPECT_NE(parse_error(minimal(probe)).find("$.probe[0].path: must start with a slash"), std::string::npos);
  EXPECT_NE(parse_error("[]").find("must be an object"), std::string::npos);
  EXPECT_NE(parse_error("{").find("invalid descriptor"), std::string::npos);
  EXPECT_NE(parse_error(R"({"type": "t", "name": "T"})").find("\"resources\" is missing"), std::string::npos);
}

TEST(Descriptor, ValuesMaySayHowTheyMatch) {
  const std::string codes = R"("id": "$.id", "values": {"status": {"inbound": {"Open": "requested",
      "CNF": {"value": "completed", "match": "contains_code", "precedence": 4, "note": "SAP"}}}})";
  const auto descriptor = parse_descriptor(minimal("", codes));
  ASSERT_TRUE(descriptor.ok()) << descriptor.error().message;
  const auto& rules = descriptor.value().resource("work_order")->values.at("status").inbound;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].match, mapping::Match::folded);
  EXPECT_EQ(rules[1].target, "completed");
  EXPECT_EQ(rules[1].match, mapping::Match::contains_code);
  EXPECT_EQ(rules[1].precedence, 4);
  const auto error_of = [](const std::string& rule) {
    return parse_error(minimal("", R"("id": "$.id", "values": {"status": {"inbound": {)" + rule + "}}}"));
  };
  EXPECT_NE(error_of(R"("A": {"value": "x", "match": "fuzzy"})").find("must be one of folded, exact"),
            std::string::npos);
  EXPECT_NE(error_of(R"("A": {"match": "exact"})").find("\"value\" is missing"), std::string::npos);
  EXPECT_NE(error_of(R"("A": {"value": "x", "order": 1})").find("unknown member"), std::string::npos);
  EXPECT_NE(
      error_of(R"("A B": {"value": "x", "match": "contains_code"})").find("cannot match as contains_code"),
      std::string::npos);
  EXPECT_NE(error_of(R"("A": 5)").find("must be an object"), std::string::npos);
}

TEST(Descriptor, AliasesStandForMemberNames) {
  const auto error_of = [](const std::string& alias) {
    return parse_error(minimal("", R"("id": "$.id", "aliases": {"AUFNR": )" + alias + "}"));
  };
  EXPECT_EQ(error_of(R"("order.number")"), "<ok>");
  EXPECT_EQ(error_of(R"({"inbound": "number", "note": "read only"})"), "<ok>");
  for (const std::string bad :
       {R"("")", R"("a[0]")", R"("a[*].b")", R"("$")", "{}", "5", R"({"inbound": "a["})"}) {
    EXPECT_NE(error_of(bad).find("$.resources.work_order.aliases.AUFNR"), std::string::npos) << bad;
  }
}

TEST(Descriptor, RefusesWhatNothingCouldUse) {
  EXPECT_NE(parse_error(minimal(R"(, "headers": {"X": "{nothing}"})")).find("{nothing}"), std::string::npos);
  EXPECT_NE(parse_error(minimal(R"(, "authentication": [{"style": "magic"}])")).find("magic"),
            std::string::npos);
  EXPECT_NE(parse_error(minimal(R"(, "authentication": [{"style": "basic", "user": "x"}])")).find("user"),
            std::string::npos);
  EXPECT_NE(parse_error(minimal(R"(, "options": {"a": {"format": "colour"}})")).find("colour"),
            std::string::npos);
  EXPECT_NE(parse_error(minimal(R"(, "options": {"a": {"format": "integer", "default": "x"}})"))
                .find("whole number"),
            std::string::npos);
  EXPECT_NE(parse_error(minimal(R"(, "credentials": {"key_file": {}})")).find("reserved"), std::string::npos);
  EXPECT_NE(
      parse_error(minimal("", R"("id": "$.id", "create": {"method": "FETCH", "path": "/x"})")).find("method"),
      std::string::npos);
  EXPECT_NE(
      parse_error(minimal("", R"("id": "$.id", "create": {"method": "POST", "path": "x"})")).find("slash"),
      std::string::npos);
  const std::string rule =
      R"("id": "$.id", "fields": {"outbound": [{"target": "a", "source": "b", "transform": "zap"}]})";
  EXPECT_NE(parse_error(minimal("", rule)).find("fields.outbound[0]"), std::string::npos);
  const std::string list = R"("id": "$.id", "list": {"method": "GET", "path": "/x", "records": "$",
                              "paging": {"style": "scroll"}})";
  EXPECT_NE(parse_error(minimal("", list)).find("scroll"), std::string::npos);
}

TEST(Descriptor, LimitsSizeAndDepth) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{\"note\":";
  EXPECT_NE(parse_error(deep), "<ok>");
  EXPECT_NE(parse_error(minimal(", \"documentation\": \"" + std::string(max_descriptor_bytes, 'x') + "\"")),
            "<ok>");
}

TEST(Options, KnowTheValidNames) {
  const auto descriptor = shipped_descriptor("clickmaint");
  EXPECT_TRUE(validate_options(*descriptor, {{"type", "clickmaint"}, {"entity_id", "12"}}).ok());
  const Status unknown = validate_options(*descriptor, {{"entity_id", "12"}, {"colour", "red"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().error_class, ErrorClass::configuration);
  EXPECT_EQ(unknown.error().message, "invalid option \"colour\" for provider type \"clickmaint\"");
  for (const char* name : {"base_url", "entity_id", "lookup_grace", "tenant", "webhook_scheme"}) {
    EXPECT_NE(unknown.error().hint.find(name), std::string::npos) << name;
  }
  const Status missing = validate_options(*descriptor, {{"type", "clickmaint"}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message, "option \"entity_id\" is required for provider type \"clickmaint\"");
  const Status secret = validate_options(*descriptor, {{"entity_id", "12"}, {"api_key", "k"}});
  ASSERT_FALSE(secret.ok());
  EXPECT_NE(secret.error().hint.find("CREATE USER MAPPING"), std::string::npos);
}

TEST(Options, CheckTheFormat) {
  const auto descriptor = shipped_descriptor("clickmaint");
  const auto message = [&](const std::string& name, const std::string& value) {
    Options options{{"entity_id", "12"}};
    options.insert_or_assign(name, value);
    const Status status = validate_options(*descriptor, options);
    return status ? std::string("<ok>") : status.error().message;
  };
  EXPECT_EQ(message("base_url", "https://app.clickmaint.ca/api/v1"), "<ok>");
  EXPECT_EQ(message("base_url", "http://[::1]:8080/x"), "<ok>");
  EXPECT_EQ(message("base_url", "http://127.0.0.1:8080"), "<ok>");
  for (const std::string bad :
       {"", "ftp://x", "cm.test", "https://", "https://u:p@x/", "https://x/?q=1", "https://x#f",
        "https://x:0", "https://x:99999", "https://x:y", "https://x y/", "https:///path", "https://x\\y"}) {
    EXPECT_NE(message("base_url", bad), "<ok>") << bad;
  }
  EXPECT_EQ(message("work_order_path", "/requests"), "<ok>");
  EXPECT_NE(message("work_order_path", "requests"), "<ok>");
  EXPECT_NE(message("work_order_path", "/a?b=c"), "<ok>");
  EXPECT_NE(message("work_order_path", "/a b"), "<ok>");
  EXPECT_NE(message("entity_id", "twelve"), "<ok>");
  EXPECT_NE(message("entity_id", "-1"), "<ok>");
  EXPECT_NE(message("max_concurrency", "0"), "<ok>");
  EXPECT_NE(message("timeout_ms", "99999999999999999999"), "<ok>");
  EXPECT_EQ(message("update_method", "PUT"), "<ok>");
  EXPECT_NE(message("update_method", "POST"), "<ok>");
  EXPECT_EQ(message("webhook_scheme", "standard_webhooks"), "<ok>");
  EXPECT_NE(message("webhook_scheme", "rot13"), "<ok>");
  EXPECT_NE(message("tenant", "a\nb"), "<ok>");
}

TEST(Options, NeverRepeatAPassword) {
  const auto descriptor = shipped_descriptor("clickmaint");
  const Status status =
      validate_options(*descriptor, {{"entity_id", "1"}, {"base_url", "https://u:hunter2@x/"}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ((status.error().message + status.error().detail + status.error().hint).find("hunter2"),
            std::string::npos);
  const Status credential = validate_credentials(*descriptor, {{"api_key", "hunter2\n"}});
  ASSERT_FALSE(credential.ok());
  EXPECT_EQ((credential.error().message + credential.error().detail).find("hunter2"), std::string::npos);
}

TEST(Credentials, TakeTheSecretOrAFile) {
  const auto descriptor = shipped_descriptor("clickmaint");
  EXPECT_TRUE(validate_credentials(*descriptor, {{"api_key", "k"}}).ok());
  EXPECT_TRUE(
      validate_credentials(*descriptor, {{"api_key_file", "/etc/k"}, {"webhook_secret_file", "/etc/w"}})
          .ok());
  EXPECT_TRUE(validate_credentials(*descriptor, {}, false).ok());
  EXPECT_FALSE(validate_credentials(*descriptor, {}).ok());
  EXPECT_FALSE(validate_credentials(*descriptor, {{"api_key", "k"}, {"api_key_file", "/etc/k"}}).ok());
  const Status unknown = validate_credentials(*descriptor, {{"password", "k"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().hint.find("api_key_file"), std::string::npos);
}

}  // namespace
}  // namespace cmms::provider
