// The paging styles, asked by hand: what they send, and what they make of answers.
#include "core/provider/paging.hpp"

#include <gtest/gtest.h>

#include "core/provider/link.hpp"
#include "provider_fixture.hpp"

namespace cmms::provider {
namespace {

std::string descriptor_of(const std::string& paging) {
  return R"({"type": "t", "name": "T", "resources": {"work_order": {
      "list": {"method": "GET", "path": "/l", "records": "$.items", "paging": )" +
         paging + R"(}, "id": "id"}}})";
}

std::unique_ptr<Pager> pager_of(const std::string& paging) {
  Result<Descriptor> descriptor = parse_descriptor(descriptor_of(paging));
  if (!descriptor) {
    ADD_FAILURE() << descriptor.error().message;
    return nullptr;
  }
  ConnectionInput input;
  input.provider_id = "p";
  input.descriptor = std::make_shared<const Descriptor>(std::move(descriptor).value());
  input.options = {{"base_url", "https://p.test"}};
  auto pager = make_pager(*test::connect(std::move(input)), "work_order");
  if (!pager) ADD_FAILURE() << pager.error().message;
  return pager ? std::move(pager).value() : nullptr;
}

std::string sent(const Pager& pager) {
  std::string text;
  for (const Parameter& parameter : pager.parameters()) {
    text += (text.empty() ? "" : "&") + parameter.name + "=" + parameter.value;
  }
  return text;
}

Progress advance(Pager& pager, std::string_view answer, std::size_t count = 1) {
  const json::Document document = test::parse(answer);
  return pager.advance(document.root(), count);
}

std::string refusal(const std::string& paging) {
  const Result<Descriptor> descriptor = parse_descriptor(descriptor_of(paging));
  return descriptor.ok() ? "none" : descriptor.error().message;
}

TEST(Paging, ByOffsetCountsWhatWasAnswered) {
  const auto pager =
      pager_of(R"({"style": "offset", "offset": "$skip", "size": "$top", "page_size": "100"})");
  EXPECT_EQ(sent(*pager), "$skip=0&$top=100");
  EXPECT_EQ(advance(*pager, "{}", 40), Progress::more);  // the server's page may be smaller than asked
  EXPECT_EQ(sent(*pager), "$skip=40&$top=100");
  EXPECT_EQ(advance(*pager, "{}", 40), Progress::more);
  EXPECT_EQ(advance(*pager, "{}", 12), Progress::end);
  pager->restart();
  EXPECT_EQ(sent(*pager), "$skip=0&$top=100");
  EXPECT_EQ(advance(*pager, "{}", 0), Progress::end);
}

TEST(Paging, ByCursorSendsTheTokenAsItIs) {
  const auto pager = pager_of(
      R"({"style": "cursor", "parameter": "after", "path": "$.next", "size": "n", "page_size": "5"})");
  EXPECT_EQ(sent(*pager), "n=5");
  EXPECT_EQ(advance(*pager, R"({"next": "a{b}"})"), Progress::more);
  EXPECT_EQ(sent(*pager), "after=a{{b}}&n=5");
  EXPECT_EQ(advance(*pager, R"({"next": "a{b}"})"), Progress::broken);
  EXPECT_EQ(advance(*pager, R"({"next": ["x"]})"), Progress::broken);
  EXPECT_EQ(advance(*pager, R"({"next": 17})"), Progress::more);
  for (const char* last : {R"({"next": null})", R"({"next": ""})", R"({"next": false})", "{}"}) {
    EXPECT_EQ(advance(*pager, last), Progress::end) << last;
  }
}

TEST(Paging, ByLinkTakesOnlyItsQuery) {
  const auto pager =
      pager_of(R"({"style": "next_link", "path": "$._links", "size": "size", "page_size": "5"})");
  EXPECT_EQ(sent(*pager), "size=5");
  EXPECT_FALSE(pager->is_whole_query());
  EXPECT_EQ(advance(*pager, R"({"_links": [
      {"rel": "self", "href": "https://x.test/l?page=0"},
      {"rel": "next", "href": "http://localhost:8080/other?page=1&size=5&tag=a%2Cb#top"}]})"),
            Progress::more);
  EXPECT_TRUE(pager->is_whole_query());
  EXPECT_EQ(sent(*pager), "page=1&size=5&tag=a,b");
  EXPECT_EQ(advance(*pager, R"({"_links": [{"rel": "self", "href": "/l?page=1"}]})"), Progress::end);
  EXPECT_EQ(advance(*pager, R"({"_links": []})"), Progress::end);
  EXPECT_EQ(advance(*pager, "{}"), Progress::end);
  pager->restart();
  EXPECT_EQ(sent(*pager), "size=5");
}

TEST(Paging, ALinkThatLeadsNowhereIsNotTheEnd) {
  const auto pager = pager_of(R"({"style": "next_link", "path": "$.next"})");
  for (const char* bad : {R"({"next": "https://x.test/l"})", R"({"next": "/l?"})", R"({"next": 5})",
                          R"({"next": {"url": "/l?page=2"}})", R"({"next": "nonsense"})"}) {
    EXPECT_EQ(advance(*pager, bad), Progress::broken) << bad;
  }
  EXPECT_EQ(advance(*pager, R"({"next": {"href": "?page=2"}})"), Progress::more);
  EXPECT_EQ(advance(*pager, R"({"next": {"href": "?page=2"}})"), Progress::broken);
}

TEST(Paging, BySkipTokenKeepsOurQuery) {
  const auto pager = pager_of(R"({"style": "skip_token", "path": "$.d.__next", "parameter": "$skiptoken"})");
  EXPECT_EQ(sent(*pager), "");
  EXPECT_EQ(advance(*pager, R"({"d": {"__next": "http://localhost/O?$filter=x&%24skiptoken=a%27b"}})"),
            Progress::more);
  EXPECT_FALSE(pager->is_whole_query());
  EXPECT_EQ(sent(*pager), "$skiptoken=a'b");
  EXPECT_EQ(advance(*pager, R"({"d": {"__next": "http://localhost/O?$skiptoken=a%27b"}})"), Progress::broken);
  EXPECT_EQ(advance(*pager, R"({"d": {"__next": "http://localhost/O?$skip=50"}})"), Progress::broken);
  EXPECT_EQ(advance(*pager, R"({"d": {"results": []}})"), Progress::end);
}

TEST(Paging, NamesAreCheckedWithTheDescriptor) {
  EXPECT_EQ(refusal(R"({"style": "offset", "offset": "o"})"), "none");
  EXPECT_EQ(refusal(R"({"style": "pages"})"),
            "invalid descriptor at $.resources.work_order.list.paging.style: unknown style \"pages\"");
  EXPECT_EQ(refusal(R"({"style": "offset", "offset": "o", "path": "$.next"})"),
            "invalid descriptor at $.resources.work_order.list.paging.path: unknown member");
  EXPECT_EQ(refusal(R"({"style": "cursor", "path": "$.next"})"),
            "invalid descriptor at $.resources.work_order.list.paging: member \"parameter\" is missing");
  EXPECT_EQ(
      refusal(R"({"style": "offset", "offset": "o", "page_size": "many"})"),
      "invalid descriptor at $.resources.work_order.list.paging.page_size: must be a whole number above 0");
  EXPECT_NE(refusal(R"({"style": "next_link", "path": "$."})").find("list.paging.path"), std::string::npos);
}

}  // namespace
}  // namespace cmms::provider
