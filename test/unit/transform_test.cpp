// Transforms, one by one and in chains.
#include "core/mapping/transform.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/json/jansson.hpp"

namespace cmms::mapping {
namespace {

// The result as JSON text, or "! reason".
std::string transformed(std::string_view chain_text, std::string_view json_text) {
  ValueMaps values;
  values["status"].add("Open", "requested");
  values["status"].add("5", "completed");
  const Result<TransformChain> chain = parse_transforms(chain_text);
  if (!chain) return "? " + chain.error().message;
  const Result<json::Document> document = json::Document::parse(json_text);
  if (!document) return "? " + document.error().message;
  json::Field value = json::Field::from(document.value().root());
  if (const auto failure = apply_transforms(chain.value(), value, {values})) return "! " + failure->reason;
  return value.to_json();
}

TEST(Transform, Texts) {
  EXPECT_EQ(transformed("trim", R"("  a b\n")"), R"("a b")");
  EXPECT_EQ(transformed("trim", R"("  ")"), R"("")");
  EXPECT_EQ(transformed("trim", "12"), "12");
  EXPECT_EQ(transformed("trim", "[1]"), "! is not a text");
  EXPECT_EQ(transformed("upper", R"("aböz")"), R"("ABöZ")");
  EXPECT_EQ(transformed("lower", R"("ABÖZ")"), R"("abÖz")");
  EXPECT_EQ(transformed("string", "12.50"), R"("12.50")");
  EXPECT_EQ(transformed("string", "true"), R"("true")");
  EXPECT_EQ(transformed("string", R"({"a":[1]})"), R"("{\"a\":[1]}")");
  EXPECT_EQ(transformed("prefix WO-", "12"), R"("WO-12")");
  EXPECT_EQ(transformed("prefix \"a | b \"", R"("c")"), R"("a | b c")");
  EXPECT_EQ(transformed("prefix x", "[1]"), "! is not a single value");
}

TEST(Transform, LeavesNullAloneExceptDefault) {
  for (const TransformDefinition& definition : transform_definitions()) {
    const std::string chain(definition.argument == ArgumentRule::none ? std::string(definition.name)
                                                                      : std::string(definition.name) + " x");
    EXPECT_EQ(transformed(chain, "null"), definition.name == "default" ? R"("x")" : "null") << chain;
  }
  EXPECT_EQ(transformed("default none", R"("x")"), R"("x")");
  EXPECT_EQ(transformed("default \"\"", "null"), R"("")");
  EXPECT_EQ(transformed("null_if N/A", R"("N/A")"), "null");
  EXPECT_EQ(transformed("null_if N/A", R"("n/a")"), R"("n/a")");
  EXPECT_EQ(transformed("null_if 0", "0"), "null");
  EXPECT_EQ(transformed("null_if \"\"", R"("")"), "null");
}

TEST(Transform, Integers) {
  EXPECT_EQ(transformed("integer", R"(" 12 ")"), "12");
  EXPECT_EQ(transformed("integer", "12.00"), "12");
  EXPECT_EQ(transformed("integer", R"("-007")"), "-7");
  EXPECT_EQ(transformed("integer", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(transformed("integer", "9223372036854775808"), "! is out of range for a 64-bit integer");
  EXPECT_EQ(transformed("integer", R"("")"), "null");
  for (const char* bad :
       {"12.5", "1e3", R"("1 2")", R"("x")", R"("+1")", R"("12.")", R"("-")", R"(".0")", "true", "[]"}) {
    EXPECT_EQ(transformed("integer", bad), "! is not a whole number") << bad;
  }
}

TEST(Transform, Numbers) {
  EXPECT_EQ(transformed("number", R"(" 12.50 ")"), "12.50");
  EXPECT_EQ(transformed("number", "12345678901234567890.123"), "12345678901234567890.123");
  EXPECT_EQ(transformed("number", R"("  ")"), "null");
  for (const char* bad : {R"("1,234.50")", R"("$5")", R"("1e9999")", R"("NaN")", R"("0x10")", "true", "{}"}) {
    EXPECT_EQ(transformed("number", bad), "! is not a number") << bad;
  }
}

TEST(Transform, Booleans) {
  for (const char* yes : {"true", "1", R"("Yes")", R"("on")", R"(" T ")", R"("1")"}) {
    EXPECT_EQ(transformed("boolean", yes), "true") << yes;
  }
  for (const char* no : {"false", "0", R"("NO")", R"("off")", R"("f")"}) {
    EXPECT_EQ(transformed("boolean", no), "false") << no;
  }
  EXPECT_EQ(transformed("boolean", R"("")"), "null");
  for (const char* bad : {"2", R"("maybe")", "[true]"}) {
    EXPECT_EQ(transformed("boolean", bad), "! is not true or false") << bad;
  }
}

struct TimeCase {
  const char* given;
  const char* utc;
};

TEST(Transform, Timestamps) {
  const TimeCase cases[] = {
      {"2025-07-17", "2025-07-17T00:00:00Z"},
      {"2025-07-17T12:00Z", "2025-07-17T12:00:00Z"},
      {"2025-07-17T12:00:00Z", "2025-07-17T12:00:00Z"},
      {"2025-07-17t12:00:00z", "2025-07-17T12:00:00Z"},
      {"2025-07-17 12:00:00", "2025-07-17T12:00:00Z"},
      {" 2025-07-17T12:00:00Z ", "2025-07-17T12:00:00Z"},
      {"2025-07-17T12:00:00.5Z", "2025-07-17T12:00:00.500000Z"},
      {"2025-07-17T12:00:00,123456789+00:00", "2025-07-17T12:00:00.123456Z"},
      {"2025-07-17T12:00:00.000000999Z", "2025-07-17T12:00:00Z"},
      {"2025-07-17T01:30:00+02:00", "2025-07-16T23:30:00Z"},
      {"2025-12-31T23:30:00-0530", "2026-01-01T05:00:00Z"},
      {"2025-07-17T12:00:00+02", "2025-07-17T10:00:00Z"},
      {"2024-02-29T24:00:00Z", "2024-03-01T00:00:00Z"},
      {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
      {"0001-01-02T00:00:00Z", "0001-01-02T00:00:00Z"},
      {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
  };
  for (const TimeCase& each : cases) {
    EXPECT_EQ(transformed("timestamp", json::quote(each.given)), json::quote(each.utc)) << each.given;
  }
}

TEST(Transform, TimestampsThatMeanNoTime) {
  for (const char* none : {"", "  ", "0001-01-01", "0001-01-01T00:00:00", "0001-01-01T00:00:00+02:00",
                           "0001-01-01 00:00:00.000Z"}) {
    EXPECT_EQ(transformed("timestamp", json::quote(none)), "null") << none;
    EXPECT_EQ(transformed("date", json::quote(none)), "null") << none;
  }
}

TEST(Transform, TimestampsThatAreNone) {
  for (const char* bad : {"2025-02-29",
                          "2025-13-01",
                          "2025-00-10",
                          "2025-04-31",
                          "0000-01-01",
                          "2025-7-1",
                          "20250717",
                          "17.07.2025",
                          "07/17/2025",
                          "2025-07-17T",
                          "2025-07-17T1:00",
                          "2025-07-17T25:00:00Z",
                          "2025-07-17T24:00:01Z",
                          "2025-07-17T12:60:00Z",
                          "2025-07-17T12:00:61Z",
                          "2025-07-17T12:00:00.Z",
                          "2025-07-17T12:00:00.1234567890Z",
                          "2025-07-17T12:00:00+16:00",
                          "2025-07-17T12:00:00+02:60",
                          "2025-07-17T12:00:00+2",
                          "2025-07-17T12:00:00+02:",
                          "2025-07-17T12:00:00ZZ",
                          "2025-07-17T12:00:00 UTC",
                          "2025-07-17  12:00:00",
                          "12025-07-17",
                          "now",
                          "infinity",
                          "2025-07-17Z",
                          "1752753600"}) {
    EXPECT_EQ(transformed("timestamp", json::quote(bad)), "! is not an ISO 8601 timestamp") << bad;
  }
  EXPECT_EQ(transformed("timestamp", "1752753600"), "! is not an ISO 8601 timestamp");
  EXPECT_EQ(transformed("timestamp", R"("9999-12-31T23:59:59-01:00")"),
            "! is not within the years 0001 to 9999 in UTC");
}

TEST(Transform, DatesAreTheDayAsWritten) {
  EXPECT_EQ(transformed("date", R"("2025-07-17T23:30:00-05:00")"), R"("2025-07-17")");
  EXPECT_EQ(transformed("date", R"("2025-07-17")"), R"("2025-07-17")");
  EXPECT_EQ(transformed("date", R"("2025-02-30")"), "! is not an ISO 8601 date");
  EXPECT_EQ(transformed("date", "20250717"), "! is not an ISO 8601 date");
}

TEST(Transform, Maps) {
  EXPECT_EQ(transformed("map status", R"("open")"), R"("requested")");
  EXPECT_EQ(transformed("map status", "5"), R"("completed")");
  EXPECT_EQ(transformed("map status", R"("Foo")"), "! has no mapping in vocabulary \"status\"");
  EXPECT_EQ(transformed("map priority", R"("Open")"), "! has no mapping in vocabulary \"priority\"");
  EXPECT_EQ(transformed("map status", "{}"), "! is not a single value");
}

TEST(Transform, Arrays) {
  EXPECT_EQ(transformed("first", R"(["a",2])"), R"("a")");
  EXPECT_EQ(transformed("first", "[]"), "null");
  EXPECT_EQ(transformed("first", "[[1.50]]"), "[1.50]");
  EXPECT_EQ(transformed("first", "7"), "7");
  EXPECT_EQ(transformed("join \", \"", R"(["a",null,2.0,true])"), R"("a, 2.0, true")");
  EXPECT_EQ(transformed("join ;", "[]"), R"("")");
  EXPECT_EQ(transformed("join ;", "5"), R"("5")");
  EXPECT_EQ(transformed("join ;", "[[1]]"), "! has elements that are not single values");
  EXPECT_EQ(transformed("join ;", "{}"), "! is not an array");
}

TEST(Transform, Chains) {
  EXPECT_EQ(transformed("", "1"), "1");
  EXPECT_EQ(transformed(" trim|upper | prefix X ", R"(" a ")"), R"("XA")");
  EXPECT_EQ(transformed("trim | map status", R"(" Open ")"), R"("requested")");
  EXPECT_EQ(transformed("first | integer", R"(["12"])"), "12");
  EXPECT_EQ(transformed("null_if \"a\\\"|\\\\\" | default b", R"("a\"|\\")"), R"("b")");
}

TEST(Transform, AFailureLeavesTheValueThatFailed) {
  const TransformChain chain = parse_transforms("trim | map status").value();
  json::Field value = json::Field::string("  Foo ");
  const ValueMaps values;
  const auto failure = apply_transforms(chain, value, {values});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->vocabulary, "status");
  EXPECT_EQ(value.text, "Foo");
}

TEST(Transform, RefusesBadChains) {
  const std::pair<const char*, const char*> cases[] = {
      {"tirm", "unknown transform \"tirm\""},
      {"trim x", "transform \"trim\" takes no argument"},
      {"map", "transform \"map\" needs the name of a vocabulary"},
      {"map a b", "transform \"map\" needs the name of a vocabulary"},
      {"prefix", "transform \"prefix\" needs a text"},
      {"trim |", "expected the name of a transform in \"trim |\""},
      {"| trim", "expected the name of a transform in \"| trim\""},
      {"trim || upper", "expected the name of a transform in \"trim || upper\""},
      {"prefix a\"b", "unexpected double quote in \"prefix a\\\"b\""},
      {"prefix \"a\" b", "expected | after a quoted argument in \"prefix \\\"a\\\" b\""},
      {"\xFF", "transform chain is not valid UTF-8"},
  };
  for (const auto& [text, message] : cases) {
    const Result<TransformChain> chain = parse_transforms(text);
    ASSERT_FALSE(chain.ok()) << text;
    EXPECT_EQ(chain.error().message, message);
    EXPECT_EQ(chain.error().error_class, ErrorClass::configuration);
    EXPECT_NE(chain.error().hint.find("map <vocabulary>"), std::string::npos);
  }
  EXPECT_FALSE(parse_transforms(std::string_view("prefix \"\0\"", 10)).ok());
  for (const char* open : {"prefix \"a", "prefix \"a\\", "prefix \"\\n\""}) {
    EXPECT_FALSE(parse_transforms(open).ok()) << open;
  }
  std::string long_chain = "trim";
  for (int i = 0; i < 20; ++i) long_chain += "|trim";
  EXPECT_FALSE(parse_transforms(long_chain).ok());
}

TEST(Transform, TheTableIsSortedAndComplete) {
  const auto& definitions = transform_definitions();
  EXPECT_EQ(definitions.size(), 15U);
  EXPECT_TRUE(std::is_sorted(definitions.begin(), definitions.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const TransformDefinition& definition : definitions) {
    EXPECT_NE(definition.function, nullptr);
    EXPECT_FALSE(definition.description.empty());
  }
}

}  // namespace
}  // namespace cmms::mapping
