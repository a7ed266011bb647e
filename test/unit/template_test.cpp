// Templates of descriptors.
#include "core/provider/template.hpp"

#include <gtest/gtest.h>

#include <map>

namespace cmms::provider {
namespace {

std::optional<Substitute> lookup(std::string_view name) {
  static const std::map<std::string, Substitute, std::less<>> values{
      {"path", {"/orders", true}}, {"one", {"{path}/{id}", true}}, {"id", {"a/b c", false}},
      {"empty", {"", false}},      {"loop", {"x{loop}", true}},    {"name", {"O'Brien", false}},
  };
  const auto found = values.find(name);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

std::string expanded(std::string_view text, Escape escape = Escape::none) {
  const auto result = expand(text, lookup, escape);
  if (!result) return "error: " + result.error().message;
  return result.value().value_or("<none>");
}

TEST(Template, EscapesValuesButNotTemplates) {
  EXPECT_EQ(expanded("{path}/{id}", Escape::path), "/orders/a%2Fb%20c");
  EXPECT_EQ(expanded("{one}", Escape::path), "/orders/a%2Fb%20c");
  EXPECT_EQ(expanded("{one}"), "/orders/a/b c");
  EXPECT_EQ(expanded("filter[{id}_cont]"), "filter[a/b c_cont]");
}

TEST(Template, HasNoValueWhenAPlaceholderHasNone) {
  EXPECT_EQ(expanded("Bearer {missing}"), "<none>");
  EXPECT_EQ(expanded("Bearer {empty}"), "<none>");
  EXPECT_EQ(expanded("{empty?} {id}"), " a/b c");
  EXPECT_EQ(expanded("plain"), "plain");
  EXPECT_EQ(expanded(""), "");
}

TEST(Template, RefusesWhatItCannotMean) {
  EXPECT_NE(expanded("{id").find("unmatched {"), std::string::npos);
  EXPECT_NE(expanded("id}").find("unmatched }"), std::string::npos);
  EXPECT_NE(expanded("{a b}").find("not a name"), std::string::npos);
  EXPECT_NE(expanded("{}").find("not a name"), std::string::npos);
  EXPECT_NE(expanded("{loop}").find("circle"), std::string::npos);
  EXPECT_EQ(expanded("{{id}}"), "{id}");
}

TEST(Template, WritesLiteralsBeforeEscaping) {
  EXPECT_EQ(expanded("Name eq '{name:odata}'"), "Name eq 'O''Brien'");
  EXPECT_EQ(expanded("/Orders('{name:odata}')", Escape::path), "/Orders('O%27%27Brien')");
  EXPECT_EQ(expanded("'{missing:odata?}'"), "''");
  EXPECT_EQ(expanded("'{missing:odata}'"), "<none>");
  EXPECT_NE(expanded("{name:sql}").find("unknown form"), std::string::npos);
  EXPECT_EQ(template_names("{name:odata}").value(), std::vector<std::string>{"name"});
}

TEST(Template, TakesAnyTextAsALiteral) {
  EXPECT_EQ(literal_text("a{b}"), "a{{b}}");
  EXPECT_EQ(expanded(literal_text("{one} }{")), "{one} }{");
}

TEST(Template, NamesItsPlaceholders) {
  const auto names = template_names("{one}/{id?}{{x}}");
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names.value(), (std::vector<std::string>{"one", "id"}));
}

TEST(Template, EncodesAllButUnreservedCharacters) {
  EXPECT_EQ(percent_encode("filter[updated_at_gteq]"), "filter%5Bupdated_at_gteq%5D");
  EXPECT_EQ(percent_encode("2025-07-17T12:00:00+02:00"), "2025-07-17T12%3A00%3A00%2B02%3A00");
  EXPECT_EQ(percent_encode("\xC3\xA9~"), "%C3%A9~");
}

}  // namespace
}  // namespace cmms::provider
