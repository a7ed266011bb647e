// Paths: what they accept, what they find, and how they refuse.
#include "core/path/path.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/json/jansson.hpp"

namespace cmms::path {
namespace {

constexpr std::string_view sample = R"({
  "title": "Freezer",
  "status": {"name": "Open", "id": 5, "none": null},
  "assignees": [{"email": "a@x"}, {"name": "no mail"}, {"email": null}, {"email": "b@x"}],
  "groups": [{"members": [1, 2]}, {"members": []}, {"members": [3]}],
  "empty": [],
  "nothing": null,
  "odd key": {"a.b": 1, "quote\"": 2, "Größe": 3},
  "wo-no_1": "W1"
})";

class PathTest : public testing::Test {
 protected:
  static Path path(std::string_view text) {
    Result<Path> parsed = Path::parse(text);
    EXPECT_TRUE(parsed.ok()) << text << ": " << (parsed.ok() ? "" : parsed.error().message);
    return parsed.ok() ? std::move(parsed).value() : Path();
  }
  std::string first(std::string_view text) const {
    const auto found = path(text).first(document_.root());
    return found ? found->to_json() : "absent";
  }
  std::string field(std::string_view text) const {
    const auto found = path(text).field(document_.root());
    return found ? found->to_json() : "absent";
  }
  std::string all(std::string_view text) const {
    std::string found;
    for (const json::Value& value : path(text).all(document_.root())) found += value.text() + " ";
    return found;
  }

  const json::Document document_ = json::Document::parse(sample).value();
};

TEST_F(PathTest, FindsMembers) {
  EXPECT_EQ(first("$.title"), "\"Freezer\"");
  EXPECT_EQ(first("title"), "\"Freezer\"");
  EXPECT_EQ(first(" status.name "), "\"Open\"");
  EXPECT_EQ(first("$.wo-no_1"), "\"W1\"");
  EXPECT_EQ(first("$.\"odd key\".\"a.b\""), "1");
  EXPECT_EQ(first("\"odd key\".\"quote\\\"\""), "2");
  EXPECT_EQ(first("$.\"odd key\".Größe"), "3");
  EXPECT_EQ(first("$.\"odd key\".\"Gr\\u00f6\\u00dfe\""), "3");
}

TEST_F(PathTest, TellsAbsentFromNull) {
  EXPECT_EQ(first("missing"), "absent");
  EXPECT_EQ(first("status.missing"), "absent");
  EXPECT_EQ(first("status.none"), "null");
  EXPECT_EQ(first("nothing.deeper"), "absent");
  EXPECT_EQ(first("title.deeper"), "absent");
}

TEST_F(PathTest, EntersArraysOnlyBySubscript) {
  EXPECT_EQ(first("assignees[0].email"), "\"a@x\"");
  EXPECT_EQ(first("assignees[ 3 ].email"), "\"b@x\"");
  EXPECT_EQ(first("assignees[4].email"), "absent");
  EXPECT_EQ(first("assignees.email"), "absent");
  EXPECT_EQ(first("status[0]"), "absent");
  EXPECT_EQ(all("assignees[*].email"), "\"a@x\" null \"b@x\" ");
  EXPECT_EQ(all("groups[*].members[*]"), "1 2 3 ");
  EXPECT_EQ(all("status[*]"), "");
  EXPECT_EQ(first("groups[*].members[*]"), "1");
  EXPECT_EQ(first("empty[*]"), "absent");
}

TEST_F(PathTest, WildcardFieldIsTheArrayOfMatches) {
  EXPECT_EQ(field("assignees[*].email"), R"(["a@x",null,"b@x"])");
  EXPECT_EQ(field("empty[*].id"), "[]");
  EXPECT_EQ(field("nothing[*].id"), "null");
  EXPECT_EQ(field("missing[*].id"), "absent");
  EXPECT_EQ(field("title[*].id"), "absent");
  EXPECT_EQ(field("title"), "\"Freezer\"");
}

TEST_F(PathTest, RootIsTheDocument) {
  EXPECT_EQ(path("$").first_value(document_.root())->size(), 8U);
  const json::Document array = json::Document::parse("[[7]]").value();
  EXPECT_EQ(path("$[0][0]").first(array.root())->text, "7");
}

TEST_F(PathTest, DescribesItself) {
  EXPECT_EQ(path("$.a.b").head(), "a");
  EXPECT_EQ(path("$").head(), "");
  EXPECT_EQ(path("$[0].a").head(), "");
  EXPECT_EQ(path("a[*].\"odd key\"[3]").text(), "$.a[*].\"odd key\"[3]");
  EXPECT_TRUE(path("a[*]").has_wildcard());
  EXPECT_FALSE(path("a[1]").has_wildcard());
  EXPECT_TRUE(path("a.b").members_only());
  EXPECT_FALSE(path("a[1]").members_only());
  EXPECT_FALSE(path("$").members_only());
  EXPECT_EQ(path(path("a.\"\"").text()).steps(), path("a.\"\"").steps());
}

struct Refusal {
  const char* text;
  const char* message;
};

TEST_F(PathTest, RefusesWithPosition) {
  const Refusal refusals[] = {
      {"", "invalid path \"\": the path is empty at position 1"},
      {"$.", "invalid path \"$.\": expected a member name at position 3"},
      {"$a", "invalid path \"$a\": expected . or [ at position 2"},
      {"[0]", "invalid path \"[0]\": expected $ or a name at position 1"},
      {"a..b", "invalid path \"a..b\": expected a member name at position 3"},
      {"a[", "invalid path \"a[\": expected an index or * at position 3"},
      {"a[-1]", "invalid path \"a[-1]\": expected an index or * at position 3"},
      {"a[1", "invalid path \"a[1\": expected ] at position 4"},
      {"a[99999999999]", "invalid path \"a[99999999999]\": index out of range at position 3"},
      {"a b", "invalid path \"a b\": expected . or [ at position 2"},
      {"ä.b ?(@ > 1)", "invalid path \"ä.b ?(@ > 1)\": expected . or [ at position 4"},
      {"$.a.size()", "invalid path \"$.a.size()\": expected . or [ at position 9"},
      {"$.*", "invalid path \"$.*\": expected a member name at position 3"},
      {"$.\"a", "invalid path \"$.\\\"a\": expected a closing double quote at position 5"},
      {"\"\\q\"", "invalid path \"\\\"\\\\q\\\"\": unknown escape at position 2"},
      {"\"\\u12\"", "invalid path \"\\\"\\\\u12\\\"\": invalid \\u escape at position 2"},
      {"\"\\ud800\"", "invalid path \"\\\"\\\\ud800\\\"\": invalid surrogate pair at position 8"},
      {"\"\\u0000\"", "invalid path \"\\\"\\\\u0000\\\"\": invalid \\u escape at position 2"},
      {"\xFF", "invalid path: the path is not valid UTF-8 at position 1"},
  };
  for (const Refusal& refusal : refusals) {
    const Result<Path> parsed = Path::parse(refusal.text);
    ASSERT_FALSE(parsed.ok()) << refusal.text;
    EXPECT_EQ(parsed.error().message, refusal.message);
    EXPECT_EQ(parsed.error().error_class, ErrorClass::configuration);
    EXPECT_NE(parsed.error().hint, "");
  }
}

TEST_F(PathTest, RefusesTooMuch) {
  EXPECT_FALSE(Path::parse(std::string(2000, 'a')).ok());
  std::string long_path = "a";
  for (int i = 0; i < 40; ++i) long_path += ".a";
  EXPECT_FALSE(Path::parse(long_path).ok());
}

TEST_F(PathTest, DecodesSurrogatePairs) { EXPECT_EQ(path("\"\\ud83d\\ude00\"").head(), "\xF0\x9F\x98\x80"); }

}  // namespace
}  // namespace cmms::path
