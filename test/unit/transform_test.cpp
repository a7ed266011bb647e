// Transforms, one by one and in chains.
#include "core/mapping/transform.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/mapping/mapping.hpp"
#include "transform_fixture.hpp"

namespace cmms::mapping {
namespace {

// A chain of the one transform, with arguments where it needs them.
std::string sample_chain(const TransformDefinition& definition) {
  const std::string_view arguments = definition.arguments;
  std::string chain(definition.name);
  if (arguments.empty()) return chain;
  if (arguments.starts_with("seconds")) return chain + " seconds";
  if (arguments.starts_with("\"<format>\"")) return chain + " \"YYYY-MM-DD\" Fake/Zone";
  if (arguments == "<n>") return chain + " 1";
  if (arguments == "<currency>") return chain + " EUR";
  if (arguments == "<path>") return chain + " $.a";
  if (arguments == "<schema.function>") return chain + " fake.length";
  return chain + " x";
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

TEST(Transform, WrapsInObjectsAndLists) {
  EXPECT_EQ(transformed("object Text", R"("a \"b\"")"), R"({"Text":"a \"b\""})");
  EXPECT_EQ(transformed("object \"Text\" \"Language\" \"EN\" | list", R"("x")"),
            R"([{"Text":"x","Language":"EN"}])");
  EXPECT_EQ(transformed("object Text", R"({"a":[1]})"), R"({"Text":{"a":[1]}})");
  EXPECT_EQ(transformed("list", "7"), "[7]");
  EXPECT_EQ(transformed("list", "[7]"), "[7]");
  for (const char* chain : {"object \"a\" \"b\"", "object \"\"", "object \"a\" \"a\" \"x\"", "object"}) {
    EXPECT_FALSE(parse_transforms(chain).ok()) << chain;
  }
}

TEST(Transform, LeavesNullAloneExceptDefault) {
  for (const TransformDefinition& definition : transform_definitions()) {
    const std::string chain = sample_chain(definition);
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
      {"map", "transform \"map\" is written map <vocabulary>"},
      {"map a b", "transform \"map\": the name of a vocabulary is one word"},
      {"prefix", "transform \"prefix\" is written prefix <text>"},
      {"trim |", "expected the name of a transform in \"trim |\""},
      {"| trim", "expected the name of a transform in \"| trim\""},
      {"trim || upper", "expected the name of a transform in \"trim || upper\""},
      {"prefix a\"b", "unexpected double quote in \"prefix a\\\"b\""},
      {"prefix \"a\" b", "transform \"prefix\" is written prefix <text>"},
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
  EXPECT_EQ(definitions.size(), 40U);
  EXPECT_TRUE(std::is_sorted(definitions.begin(), definitions.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const TransformDefinition& definition : definitions) {
    EXPECT_NE(definition.function, nullptr);
    EXPECT_FALSE(definition.description.empty());
    EXPECT_EQ(definition.arguments.empty(), definition.most_arguments == 0) << definition.name;
    EXPECT_TRUE(parse_transforms(sample_chain(definition)).ok()) << definition.name;
  }
}

TEST(Transform, NullIfTakesSeveralTexts) {
  EXPECT_EQ(transformed("null_if \"NA\" \"Removed\"", R"("Removed")"), "null");
  EXPECT_EQ(transformed("null_if \"NA\" Removed | trim", R"("Removed")"), "null");
  EXPECT_EQ(transformed("null_if \"NA\" \"\"", R"("")"), "null");
  EXPECT_EQ(transformed("null_if \"NA\" \"Removed\"", R"("removed")"), R"("removed")");
  std::string many = "null_if";
  for (int i = 0; i < 33; ++i) many += " \"x\"";
  EXPECT_FALSE(parse_transforms(many).ok());
}

TEST(Transform, NullSentinels) {
  for (const char* none :
       {"", " ", "-", "na", "NA", "n/a", "#N/A", "null", "Removed", "0/1/00", "0001-01-01",
        "0001-01-01T00:00:00", "0001-01-01 00:00:00.000Z", "0000-00-00", "0000-00-00 00:00:00", " NA "}) {
    EXPECT_EQ(transformed("null_sentinels", json::quote(none)), "null") << none;
  }
  for (const char* some :
       {"none", "0", "--", "nan", "unknown", "2025-01-01", "9999-12-31", "Removed bearing"}) {
    EXPECT_EQ(transformed("null_sentinels", json::quote(some)), json::quote(some)) << some;
  }
  EXPECT_EQ(transformed("null_sentinels", "0"), "0");
  EXPECT_EQ(transformed("null_sentinels", R"(["-"])"), R"(["-"])");
}

TEST(Transform, CustomFields) {
  EXPECT_EQ(transformed("custom_fields", R"({"class": "P", "size": 3, "old": null})"),
            R"([{"field":"class","value":"P"},{"field":"size","value":3},{"field":"old","value":null}])");
  EXPECT_EQ(transformed("custom_fields | custom_fields", R"({"class": "P", "size": 3})"),
            R"({"class":"P","size":3})");
  EXPECT_EQ(transformed("custom_fields", "{}"), "[]");
  EXPECT_EQ(transformed("custom_fields", "[]"), "{}");
  EXPECT_EQ(transformed("custom_fields", "null"), "null");
  EXPECT_EQ(transformed("custom_fields", R"([{"value": 1}])"), "! has an element without a text \"field\"");
  EXPECT_EQ(transformed("custom_fields", "5"), "! is neither an object nor a list of fields");
}

TEST(Transform, BeforeAndAfterASeparator) {
  EXPECT_EQ(transformed("before \":\"", R"("equipment:EQ:1")"), R"("equipment")");
  EXPECT_EQ(transformed("after \":\"", R"("equipment:EQ:1")"), R"("EQ:1")");
  EXPECT_EQ(transformed("before \":\"", R"("EQ")"), R"("EQ")");
  EXPECT_EQ(transformed("after \":\"", R"("EQ")"), "null");
  EXPECT_EQ(transformed("before \":\"", "null"), "null");
  EXPECT_EQ(transformed("after \":\"", "null"), "null");
}

TEST(Transform, TypedIdentifier) {
  EXPECT_EQ(transformed("typed_identifier", R"("external:EQ-1")"), R"({"type":"external","value":"EQ-1"})");
  EXPECT_EQ(transformed("typed_identifier", R"("native:7")"), R"({"type":"native","value":7})");
  EXPECT_EQ(transformed("typed_identifier", R"("2507")"), "2507");
  EXPECT_EQ(transformed("typed_identifier", R"("EQ-1")"), R"("EQ-1")");
  EXPECT_EQ(transformed("typed_identifier", R"("007")"), R"("007")") << "a code";
  EXPECT_EQ(transformed("typed_identifier", R"("a b:c")"), R"("a b:c")") << "no type";
  for (const char* each : {R"("external:EQ-1")", R"("native:7")", R"("2507")", R"("EQ-1")"}) {
    EXPECT_EQ(transformed("typed_identifier | typed_identifier", each), each);
  }
  EXPECT_EQ(transformed("typed_identifier", "[]"), "[]");
  EXPECT_EQ(transformed("typed_identifier", R"(["email:a@b.c", "7"])"),
            R"([{"type":"email","value":"a@b.c"},7])");
  EXPECT_EQ(transformed("typed_identifier", R"([true])"), "! is no identifier");
  EXPECT_EQ(transformed("typed_identifier", "{}"), "! has not the members \"type\" and \"value\"");
}

TEST(Transform, TagChanges) {
  const auto changes = [](std::string_view tags, std::string_view record) {
    return transformed("tag_changes tags", tags, record);
  };
  const char* known = R"({"source_fields": {"tags": ["a", "b"]}, "awaited_echo": null})";
  EXPECT_EQ(changes(R"(["a", "c"])", known),
            R"([{"operation":"add","values":["c"]},{"operation":"remove","values":["b"]}])");
  EXPECT_EQ(changes(R"(["a", "b", "c"])", known), R"([{"operation":"add","values":["c"]}])");
  EXPECT_EQ(changes(R"(["a"])", "{}"), R"([{"operation":"replace","values":["a"]}])");
  EXPECT_EQ(changes(R"(["a", "b"])", known), R"([{"operation":"replace","values":["a","b"]}])")
      << "a change that is none: what is known is out of date";
  EXPECT_EQ(changes(R"(["c"])", R"({"source_fields": {"tags": ["a"]}, "awaited_echo": ["name", "tags"]})"),
            R"([{"operation":"replace","values":["c"]}])");
  EXPECT_EQ(changes("null", known), "null");
  EXPECT_EQ(changes("[]", known), "[]");
  EXPECT_EQ(changes("[1]", known), "! is no list of texts");
  EXPECT_EQ(changes("5", known), "! is no list of tags");
}

TEST(Transform, MinorUnits) {
  EXPECT_EQ(transformed("minor_units EUR", "1999"), "19.99");
  EXPECT_EQ(transformed("minor_units EUR", R"("5")"), "0.05");
  EXPECT_EQ(transformed("minor_units USD", "-500"), "-5.00");
  EXPECT_EQ(transformed("minor_units JPY", "1999"), "1999");
  EXPECT_EQ(transformed("minor_units KWD", "1999"), "1.999");
  EXPECT_EQ(transformed("minor_units CLF", "1"), "0.0001");
  EXPECT_EQ(transformed("minor_units EUR", "19.00"), "0.19");
  EXPECT_EQ(transformed("minor_units EUR", "19.5"), "! is not a whole number of minor units");
  EXPECT_EQ(transformed("minor_units $.money.currency", "1999", R"({"money":{"currency":" kwd"}})"), "1.999");
  EXPECT_EQ(transformed("minor_units $.money.currency", "1999", R"({"money":{}})"),
            "! has no currency code at $.money.currency");
  EXPECT_EQ(transformed("to_minor_units EUR", "19.99"), "1999");
  EXPECT_EQ(transformed("to_minor_units EUR", R"("19.990")"), "1999");
  EXPECT_EQ(transformed("to_minor_units EUR", "2e1"), "2000");
  EXPECT_EQ(transformed("to_minor_units EUR", "19.999"), "! is finer than the minor unit of EUR");
  EXPECT_EQ(transformed("to_minor_units JPY", "0.5"), "! is finer than the minor unit of JPY");
  EXPECT_EQ(transformed("to_minor_units EUR", R"("€ 5")"), "! is not a number");
  EXPECT_EQ(transformed("minor_units euro", "1"), "? transform \"minor_units\": \"euro\" is no currency");
  EXPECT_EQ(transformed("minor_units $.[", "1").substr(0, 27), "? transform \"minor_units\": ");
}

TEST(Transform, PartsOfTextsAndArrays) {
  EXPECT_EQ(transformed("split ,", R"("a,b,,c")"), R"(["a","b","","c"])");
  EXPECT_EQ(transformed("split \", \"", R"("a, b\"")"), R"(["a","b\""])");
  EXPECT_EQ(transformed("split ,", R"("")"), "[]");
  EXPECT_EQ(transformed("split ,", "12"), R"(["12"])");
  EXPECT_EQ(transformed("split ,", "[1]"), "[1]");
  EXPECT_EQ(transformed("split ,", "{}"), "! is not a text");
  EXPECT_EQ(transformed("split \"\"", "1"), "? transform \"split\": the separator must not be empty");
  EXPECT_EQ(transformed("split , | join ,", R"(",a,")"), R"(",a,")");
  EXPECT_EQ(transformed("last", R"(["a",2])"), "2");
  EXPECT_EQ(transformed("last", "[]"), "null");
  EXPECT_EQ(transformed("element 1", R"(["a",2])"), "2");
  EXPECT_EQ(transformed("element 2", R"(["a",2])"), "null");
  EXPECT_EQ(transformed("element 2", "7"), "7");
  EXPECT_EQ(transformed("element -1", "7"),
            "? transform \"element\": the number must be a whole one up to 1000000");
  EXPECT_EQ(transformed("truncate 3", R"("aöüß")"), R"("aöü")");
  EXPECT_EQ(transformed("truncate 4", R"("aöüß")"), R"("aöüß")");
  EXPECT_EQ(transformed("truncate 0", R"("a")"), R"("")");
  EXPECT_EQ(transformed("truncate 1", "12"), "12");
  EXPECT_EQ(transformed("truncate 1", "[1]"), "! is not a text");
}

TEST(Transform, Templates) {
  const char* document = R"({"identifier":17,"title":"Leak","asset":{"id":null},"people":["a"]})";
  EXPECT_EQ(transformed("template \"WO {identifier}: {$.title} ({value})\"", "5", document),
            "\"WO 17: Leak (5)\"");
  EXPECT_EQ(transformed("template \"[{asset.id}{nothing}]\"", "5", document), R"("[]")");
  EXPECT_EQ(transformed("template \"{{{title}}}\"", "5", document), R"("{Leak}")");
  EXPECT_EQ(transformed("template \"{people[0]}\"", "5", document), R"("a")");
  EXPECT_EQ(transformed("template \"{people}\"", "5", document), "! has no single value for {$.people}");
  EXPECT_EQ(transformed("template \"{value}\"", "[]", document), "! has no single value for {value}");
  EXPECT_EQ(transformed("template plain", "5", document), R"("plain")");
  for (const char* bad : {"{", "}", "{}", "{a", "a}", "{a.[}", "{{a}"}) {
    EXPECT_FALSE(parse_transforms("template " + json::quote(bad)).ok()) << bad;
  }
}

TEST(Transform, MapsElements) {
  EXPECT_EQ(transformed("map status", R"(["Open",5,null])"), R"(["requested","completed",null])");
  EXPECT_EQ(transformed("map status", R"([["Open"]])"), "! has elements that are not single values");
  const TransformChain chain = parse_transforms("map status").value();
  json::Field value{json::Kind::array, R"(["Open","Foo"])"};
  const auto failure = apply_transforms(chain, value, {test_values()});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->part, "Foo");
  EXPECT_EQ(value.text, R"(["Open","Foo"])");
}

TEST(Transform, Pairs) {
  const char* document = R"({"sub":"Waiting","none":null,"list":[]})";
  EXPECT_EQ(transformed("pair $.sub", R"("Hold")", document), R"("Hold + Waiting")");
  EXPECT_EQ(transformed("pair none", R"("Hold")", document), R"("Hold")");
  EXPECT_EQ(transformed("pair $.missing", "5", document), R"("5")");
  EXPECT_EQ(transformed("pair list", "5", document), "! has no single value at list");
  EXPECT_EQ(transformed("pair $.[", "5"),
            "? transform \"pair\": " + path::Path::parse("$.[").error().message);
}

TEST(Transform, Functions) {
  EXPECT_EQ(transformed("sql fake.length", R"("abc")"), "5");
  EXPECT_EQ(transformed("sql fake.other", R"("abc")"),
            "! was refused by function fake.other: there is no function fake.other");
  EXPECT_EQ(transformed("sql length", "1"), "? transform \"sql\": the function \"length\" needs its schema");
  const ValueMaps values;
  json::Field value = json::Field::string("abc");
  EXPECT_TRUE(apply_transforms(parse_transforms("sql fake.length").value(), value, {values}));
}

TEST(Transform, VerifiesWhatTheDatabaseMustHave) {
  const FakeEnvironment environment;
  const auto message = [&](const char* chain) {
    const Status status = verify_transforms(parse_transforms(chain).value(), environment);
    return status.ok() ? std::string() : status.error().message;
  };
  EXPECT_EQ(message("trim | time \"YYYY-MM-DD\" Fake/Zone | sql fake.length"), "");
  EXPECT_EQ(message("time \"YYYY-MM-DD\""), "");
  EXPECT_EQ(message("format_time \"YYYY-MM-DD\" Mars"),
            "transform \"format_time\": there is no time zone \"Mars\"");
  EXPECT_EQ(message("trim | sql a.b"), "transform \"sql\": there is no function a.b");
}

TEST(Transform, HasAWayBack) {
  const auto way_back = [](std::string_view chain) {
    return inverse_chain(parse_transforms(chain).value(), chain).value_or("none");
  };
  EXPECT_EQ(way_back("trim | map status"), "trim | map status");
  EXPECT_EQ(way_back("null_sentinels | epoch seconds"), "to_epoch seconds | null_sentinels");
  EXPECT_EQ(way_back("time \"YYYYMMDD\" Europe/Berlin"), "format_time \"YYYYMMDD\" \"Europe/Berlin\"");
  EXPECT_EQ(way_back("time YYYYMMDD"), "format_time YYYYMMDD");
  EXPECT_EQ(way_back("minor_units EUR"), "to_minor_units EUR");
  EXPECT_EQ(way_back("split \"\\\\\""), "join \"\\\\\"");
  for (const char* one_way :
       {"minor_units $.currency", "first", "template x", "join \"\"", "sql a.b | trim"}) {
    EXPECT_EQ(way_back(one_way), "none") << one_way;
  }
}

TEST(Transform, ReachesTheDocumentThroughAFieldMap) {
  RuleText text;
  text.target = "title";
  text.sources = {"ktext"};
  text.transform = "template \"{no} {value}\" | sql fake.length";
  std::vector<Rule> rules;
  rules.push_back(compile_rule(text).value());
  const FieldMap map(std::move(rules), std::make_shared<FakeEnvironment>());
  const json::Document document = json::Document::parse(R"({"no":1,"ktext":"abc"})").value();
  const Mapped mapped = map.apply(document.root(), {}, Direction::inbound, Operation::create);
  ASSERT_NE(mapped.find("title"), nullptr);
  EXPECT_EQ(mapped.find("title")->text, "7");
}

}  // namespace
}  // namespace cmms::mapping
