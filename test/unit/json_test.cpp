// Parsing with limits, the Value view, fields and the request builder.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/json/field.hpp"
#include "core/json/jansson.hpp"

namespace cmms::json {
namespace {

Document parsed(std::string_view text) {
  Result<Document> document = Document::parse(text);
  EXPECT_TRUE(document.ok()) << text << ": " << (document.ok() ? "" : document.error().message);
  return document.ok() ? std::move(document).value() : Document::parse("null").value();
}

std::string round_trip(std::string_view text) { return parsed(text).root().text(); }

std::string failure(std::string_view text, const Limits& limits = {}) {
  Result<Document> document = Document::parse(text, limits);
  if (document.ok()) return "parsed";
  EXPECT_EQ(document.error().error_class, ErrorClass::validation);
  return document.error().message;
}

TEST(JsonDocument, ReadsEveryKind) {
  const Document document =
      parsed(R"({"n":null,"t":true,"f":false,"i":-7,"s":"a\"b","a":[1,"x"],"o":{"k":1}})");
  const Value root = document.root();
  ASSERT_TRUE(root.is_object());
  EXPECT_EQ(root.size(), 7U);
  EXPECT_TRUE(root.member("n")->is_null());
  EXPECT_TRUE(root.member("t")->boolean());
  EXPECT_FALSE(root.member("f")->boolean());
  EXPECT_EQ(root.member("i")->number(), "-7");
  EXPECT_EQ(root.member("s")->string(), "a\"b");
  EXPECT_EQ(root.member("a")->element(1)->string(), "x");
  EXPECT_EQ(root.member("o")->text(), R"({"k":1})");
  EXPECT_FALSE(root.member("missing"));
  EXPECT_FALSE(root.member("a")->element(2));
  EXPECT_FALSE(root.member("s")->member("x"));
  EXPECT_FALSE(root.element(0));
}

TEST(JsonDocument, WalksMembersInDocumentOrderUntilStopped) {
  const Document document = parsed(R"({"z":1,"a":2,"m":3})");
  std::string names;
  document.root().each_member([&](std::string_view name, const Value& member) {
    names.append(name).append(member.number());
    return name != "a";
  });
  EXPECT_EQ(names, "z1a2");
}

TEST(JsonDocument, SurvivesAMove) {
  Document document = parsed(R"(["kept"])");
  const Value root = document.root();
  const Document moved = std::move(document);
  EXPECT_EQ(root.element(0)->string(), "kept");
  const auto shared = std::make_shared<const Document>(parsed("[1]"));
  EXPECT_EQ(shared->root().size(), 1U);
}

TEST(JsonDocument, AcceptsScalarRootsAndAByteOrderMark) {
  EXPECT_EQ(round_trip("null"), "null");
  EXPECT_EQ(round_trip(" \"x\" "), "\"x\"");
  EXPECT_EQ(round_trip("\xEF\xBB\xBF{\"a\":1}"), "{\"a\":1}");
}

TEST(JsonDocument, LastOfDuplicateKeysWins) {
  EXPECT_EQ(round_trip(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
}

TEST(JsonDocument, NeverChangesDigits) {
  for (const char* number : {"0", "-1", "9223372036854775807", "-9223372036854775808", "123456789012345678",
                             "1234567890123456789012345678", "0.1", "12.10", "12345678901234.5678", "1e3",
                             "1E-7", "-0.0", "0.30000000000000004", "1e999"}) {
    EXPECT_EQ(round_trip(number), number);
    EXPECT_EQ(parsed(number).root().kind(), Kind::number);
  }
  const Document document = parsed(R"({"cost":12345678901234.5678,"text":"1.5","list":[1.50,2,-3.25e1]})");
  EXPECT_EQ(document.root().member("cost")->number(), "12345678901234.5678");
  EXPECT_TRUE(document.root().member("text")->is_string());
  EXPECT_EQ(document.root().text(), R"({"cost":12345678901234.5678,"text":"1.5","list":[1.50,2,-3.25e1]})");
}

TEST(JsonDocument, RefusesNumbersNoDatabaseHolds) {
  EXPECT_EQ(failure("[1e1001]"), "number out of range in JSON document");
  EXPECT_EQ(failure("[1e99999999999999999999]"), "number out of range in JSON document");
  EXPECT_EQ(failure("[1e-99999]"), "number out of range in JSON document");
  EXPECT_EQ(failure(std::string(2000, '9')), "number out of range in JSON document");
}

TEST(JsonDocument, RefusesDepthBeforeAnythingRecurses) {
  const std::string deep = std::string(10'000, '[') + std::string(10'000, ']');
  EXPECT_EQ(failure(deep), "JSON document is nested deeper than 512 levels");
  std::string objects;
  for (int i = 0; i < 10'000; ++i) objects.append("{\"a\":");
  EXPECT_EQ(failure(objects), "JSON document is nested deeper than 512 levels");
  EXPECT_EQ(failure(std::string(512, '[') + std::string(512, ']')), "parsed");
  EXPECT_EQ(failure(std::string(513, '[') + std::string(513, ']')),
            "JSON document is nested deeper than 512 levels");
  EXPECT_EQ(failure(R"(["[[[[[[[[","]"])", {.max_bytes = 100, .max_depth = 1}), "parsed");
}

TEST(JsonDocument, RefusesTooMuch) {
  EXPECT_EQ(failure("[1,2,3]", {.max_bytes = 6}), "JSON document of 7 bytes exceeds the limit of 6 bytes");
  EXPECT_EQ(failure("[1,2,3]", {.max_values = 2}), "JSON document has more than 2 values");
}

TEST(JsonDocument, RefusesWhatIsNotText) {
  EXPECT_EQ(failure("[\"\xFF\"]"), "JSON document is not valid UTF-8");
  EXPECT_EQ(failure("[\"\xC0\x80\"]"), "JSON document is not valid UTF-8");
  EXPECT_EQ(failure("[\"\xED\xA0\x80\"]"), "JSON document is not valid UTF-8");
  EXPECT_EQ(failure(std::string_view("[\"a\0b\"]", 7)), "JSON document contains a NUL character");
  EXPECT_EQ(failure(std::string_view("[]\0", 3)), "JSON document contains a NUL character");
  EXPECT_EQ(failure(R"(["a\u0000b"])"), "JSON document contains a NUL character");
  EXPECT_EQ(failure(R"({"\u0000":1})"), "JSON document contains a NUL character");
  EXPECT_EQ(failure(R"(["a\\u0000b"])"), "parsed");  // a backslash and the text u0000
}

TEST(JsonDocument, RefusesWhatIsNotJson) {
  EXPECT_EQ(failure(""), "JSON document is empty");
  EXPECT_EQ(failure(" \n"), "JSON document is empty");
  for (const char* text :
       {"{", "[1,]", "{\"a\" 1}", "<html>", "[1 2]", "[1.]", "[.5]", "[01.5]", "[1.5\"x\"]", "[+1.5]",
        "{1.5:2}", "[tru1.5]", "\"open", "[\"\\", "[]x", "[\"\\ud800\"]", "-", "nan"}) {
    EXPECT_TRUE(failure(text).starts_with("invalid JSON: ")) << text << ": " << failure(text);
  }
}

TEST(JsonDocument, PlacesSyntaxErrorsInTheTextAsGiven) {
  const Result<Document> document = Document::parse("{\"a\": 1.5,\n \"b\": 2.5 oops}");
  ASSERT_FALSE(document.ok());
  EXPECT_EQ(document.error().detail, "The error is at line 2, column 14.");
  EXPECT_EQ(document.error().message.find("oops"), std::string::npos);
}

TEST(JsonText, QuotesWhatJsonRequires) {
  EXPECT_EQ(quote("plain"), "\"plain\"");
  EXPECT_EQ(quote("a\"b\\c\n\r\t\x01\x1f"), R"("a\"b\\c\n\r\t\u0001\u001f")");
  EXPECT_EQ(quote("Gr\xC3\xB6\xC3\x9F"
                  "e"),
            "\"Gr\xC3\xB6\xC3\x9F"
            "e\"");
}

TEST(JsonText, ClipsAtCharacterBoundaries) {
  EXPECT_EQ(clip("short", 5), "short");
  EXPECT_EQ(clip("longer text", 8), "longe...");
  EXPECT_EQ(clip("aaaa\xC3\xB6\xC3\xB6\xC3\xB6", 8), "aaaa...");
  EXPECT_EQ(clip("abcdef", 0), "");
}

TEST(JsonText, KnowsNumberSyntax) {
  for (const char* number : {"0", "-0", "10", "1.5", "1e5", "1.25E-3"})
    EXPECT_TRUE(is_number(number)) << number;
  for (const char* other : {"", "-", "01", "1.", ".5", "1e", "+1", "1,5", "0x1", " 1", "1e2000"}) {
    EXPECT_FALSE(is_number(other)) << other;
  }
}

TEST(JsonText, ValidatesUtf8AtEveryLength) {
  const std::string four_bytes = "\xF0\x9F\x98\x80";
  for (std::size_t lead = 0; lead < 20; ++lead) {
    const std::string text = std::string(lead, 'a') + four_bytes;
    EXPECT_EQ(valid_utf8_length(text), text.size());
    EXPECT_EQ(valid_utf8_length(std::string_view(text).substr(0, text.size() - 1)), lead);
  }
  EXPECT_EQ(valid_utf8_length("\xF4\x90\x80\x80"), 0U);
  EXPECT_EQ(valid_utf8_length("\xE0\x9F\xBF"), 0U);
}

TEST(JsonField, CopiesAndPrintsEveryKind) {
  const Document document = parsed(R"([null,true,1.50,"a\nb",[1, 2],{"k": []}])");
  std::string text;
  for (std::size_t i = 0; i < 6; ++i) text += Field::from(*document.root().element(i)).to_json() + " ";
  EXPECT_EQ(text, R"(null true 1.50 "a\nb" [1,2] {"k":[]} )");
}

TEST(ObjectBuilder, NestsAndKeepsOrder) {
  ObjectBuilder builder;
  EXPECT_TRUE(builder.empty());
  EXPECT_EQ(builder.dump(), "{}");
  EXPECT_TRUE(builder.set("title", Field::string("Freezer \"3\"")));
  EXPECT_TRUE(builder.set("asset.id", Field::number("45")));
  EXPECT_TRUE(builder.set("due", Field::null()));
  EXPECT_TRUE(builder.set("$.asset.\"odd key\"", Field::boolean(true)));
  EXPECT_TRUE(builder.set("title", Field::string("new")));
  EXPECT_TRUE(builder.set_json("ids", "[1,2]"));
  EXPECT_EQ(builder.dump(), R"({"title":"new","asset":{"id":45,"odd key":true},"due":null,"ids":[1,2]})");
}

TEST(ObjectBuilder, RefusesPathsItCannotWrite) {
  ObjectBuilder builder;
  ASSERT_TRUE(builder.set("a", Field::number("1")));
  EXPECT_EQ(builder.set("a.b", Field::null()).error().message, "cannot set \"a.b\" in a request");
  EXPECT_FALSE(builder.set("x[0]", Field::null()).ok());
  EXPECT_FALSE(builder.set("$", Field::null()).ok());
  EXPECT_FALSE(builder.set("", Field::null()).ok());
  EXPECT_FALSE(builder.set("a..b", Field::null()).ok());
  EXPECT_EQ(builder.dump(), R"({"a":1})");
}

}  // namespace
}  // namespace cmms::json
