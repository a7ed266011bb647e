// Rela's short-hand, flat and nested, in both directions.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "core/json/jansson.hpp"
#include "core/mapping/mapping.hpp"

namespace cmms::mapping {
namespace {

std::string shown(const std::vector<RuleText>& rules) {
  std::string text;
  for (const RuleText& rule : rules) {
    text += rule.target + "<";
    for (const std::string& source : rule.sources) text += source + ",";
    if (!rule.transform.empty()) text += "|" + rule.transform;
    if (rule.required) text += "!";
    if (rule.default_value) text += "=" + rule.default_value->to_json();
    text += " ";
  }
  return text;
}

std::string inbound(std::string_view text, std::string_view resource = "work_order") {
  const json::Document document = json::Document::parse(text).value();
  const Result<ShortHand> parsed = parse_short_hand(document.root(), resource);
  return parsed.ok() ? shown(parsed.value().inbound) : "? " + parsed.error().message;
}

std::string outbound(std::string_view text, std::string_view resource = "work_order") {
  const json::Document document = json::Document::parse(text).value();
  const Result<ShortHand> parsed = parse_short_hand(document.root(), resource);
  return parsed.ok() ? shown(parsed.value().outbound) : "? " + parsed.error().message;
}

TEST(ShortHand, ReadsTheDocumentedExample) {
  constexpr std::string_view nested =
      R"({"work_order":{"id":"AUFNR","title":"KTEXT","priority":"PRIOK","asset_id":"EQUNR","scheduled_date":"GSTRP"}})";
  EXPECT_EQ(inbound(nested),
            "source_work_order_id<AUFNR, title<KTEXT, priority<PRIOK,|map priority asset_ref<EQUNR, "
            "planned_start_at<GSTRP,|timestamp source_priority<PRIOK, ");
  EXPECT_EQ(outbound(nested),
            "KTEXT<title, PRIOK<priority,|map priority EQUNR<asset_ref, GSTRP<planned_start_at,|timestamp ");
}

TEST(ShortHand, ReadsTheFlatExample) {
  constexpr std::string_view flat = R"({"title":"wo_title","priority":"wo_priority"})";
  EXPECT_EQ(inbound(flat),
            "title<wo_title, priority<wo_priority,|map priority source_priority<wo_priority, ");
  EXPECT_EQ(outbound(flat), "wo_title<title, wo_priority<priority,|map priority ");
}

TEST(ShortHand, EveryRuleCompiles) {
  const json::Document document =
      json::Document::parse(R"({"id":"data.id","status":"data.state.name","due_date":"$.data.\"due on\"",
                                "total_cost":{"source":"cost","default":0},"assignees":"people[*].mail"})")
          .value();
  const Result<ShortHand> parsed = parse_short_hand(document.root(), "work_order");
  ASSERT_TRUE(parsed.ok());
  for (const RuleText& rule : parsed.value().inbound) EXPECT_TRUE(compile_rule(rule).ok()) << rule.target;
  for (const RuleText& rule : parsed.value().outbound) EXPECT_TRUE(compile_rule(rule).ok()) << rule.target;
  EXPECT_EQ(shown(parsed.value().outbound),
            "data.state.name<common_status,|map status $.data.\"due on\"<sla_due_at,|timestamp "
            "cost<total_cost,|number=0 ");
}

TEST(ShortHand, TakesOptions) {
  constexpr std::string_view text =
      R"({"title":{"source":["KTEXT","LTEXT"],"transform":"trim","required":true},
          "priority":{"source":"PRIOK","default":"medium"},"work_type":{"default":"PM01","source":"AUART"}})";
  EXPECT_EQ(inbound(text),
            "title<KTEXT,LTEXT,|trim! priority<PRIOK,|map priority=\"medium\" work_type<AUART,=\"PM01\" "
            "source_priority<PRIOK, ");
  EXPECT_EQ(outbound(text), "KTEXT<title,|trim! PRIOK<priority,|map priority AUART<work_type,=\"PM01\" ");
}

TEST(ShortHand, KeepsAnExplicitOriginalAndSwitchesRulesOff) {
  EXPECT_EQ(inbound(R"({"status":"s.name","source_status":"s.id","title":null})"),
            "common_status<s.name,|map status source_status<s.id, title< ");
  EXPECT_EQ(outbound(R"({"source_status":"s.id","title":null})"), "");
}

TEST(ShortHand, ReadsRowMaps) {
  EXPECT_EQ(inbound(R"({"title":"subject","asset_id":"machine"})", "ticket"),
            "title<subject, asset_ref<machine, ");
  EXPECT_EQ(inbound(R"({"ticket":{"title":"subject"}})", "ticket"), "title<subject, ");
  EXPECT_EQ(inbound(R"({"work_order":{"title":"subject"}})", "ticket"), "title<subject, ");
  EXPECT_EQ(inbound(R"({"title":{"source":"subject"}})", "title"), "title<subject, ");
}

TEST(ShortHand, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(inbound("[]"), "? field mapping is not a JSON object");
  EXPECT_EQ(inbound("{}"), "? field mapping is empty");
  EXPECT_EQ(inbound(R"({"work_order":{}})"), "? field mapping is empty");
  EXPECT_EQ(inbound(R"({"work_order":1})"), "? unknown work order field \"work_order\"");
  EXPECT_EQ(inbound(R"({"titel":"KTEXT"})"), "? unknown work order field \"titel\"");
  EXPECT_EQ(inbound(R"({"asset_id":"a","asset_ref":"b"})"), "? field \"asset_ref\" is mapped twice");
  EXPECT_EQ(inbound(R"({"title":5})"), "? the source of field \"title\" is not a path or a list of paths");
  EXPECT_EQ(inbound(R"({"title":["a",5]})"),
            "? the source of field \"title\" is not a path or a list of paths");
  EXPECT_EQ(inbound(R"({"title":{"sauce":"a"}})"), "? unknown option \"sauce\" of field \"title\"");
  EXPECT_EQ(inbound(R"({"title":{"transform":"trim"}})"),
            "? field \"title\" has neither a source nor a default");
  EXPECT_EQ(inbound(R"({"title":{"source":"a","required":"yes"}})"),
            "? \"required\" of field \"title\" is not true or false");
  EXPECT_EQ(inbound(R"({"title":"two words"})"),
            "? field map rule for \"title\": invalid path \"two words\": expected . or [ at position 4");
  EXPECT_EQ(inbound(R"({"title":{"source":"a","transform":"foo"}})"),
            "? field map rule for \"title\": unknown transform \"foo\"");
}

TEST(ShortHand, IsWrittenAsItWasRead) {
  for (
      const std::string_view text :
      {R"({"work_order":{"title":"KTEXT","status":["s.name","s.id"],"assignees":"p[*].mail","total_cost":"c"}})",
       R"({"work_order":{"title":{"source":"t","transform":"trim","required":true,"default":"?"},"description":null}})",
       R"({"work_order":{"status":"s","source_status":"w"},"rules":[{"direction":"outbound","target":"plant","default":1,"on_operation":"create"}]})",
       R"({"work_order":{},"rules":[{"direction":"inbound","target":"title","source":"t","owner":"hub"}]})"}) {
    const json::Document document = json::Document::parse(text).value();
    EXPECT_EQ(write_short_hand(parse_short_hand(document.root(), "work_order").value(), "work_order"), text);
  }
}

TEST(ShortHand, WritesNoRuleThatIsNotThere) {
  ShortHand one_way;
  RuleText rule;
  rule.target = "title";
  rule.sources = {"t"};
  one_way.inbound.push_back(rule);
  EXPECT_EQ(write_short_hand(one_way, "ticket"),
            R"({"ticket":{},"rules":[{"direction":"inbound","target":"title","source":"t"}]})");
}

TEST(ShortHand, OneProviderFieldIsWrittenByOneOfOurs) {
  EXPECT_EQ(outbound(R"({"title":"a","description":"a"})"),
            "? fields \"title\" and \"description\" would both be written to \"a\"");
}

// Random maps, the same at every run: what is read from what was written is what was read before.
TEST(ShortHand, WritingAndReadingIsTheIdentity) {
  constexpr std::array<std::string_view, 12> fields{"id",         "title",      "status",        "priority",
                                                    "asset_id",   "due_date",   "requester",     "assignees",
                                                    "total_cost", "updated_at", "source_status", "metadata"};
  constexpr std::array<std::string_view, 6> sides{R"("%")",
                                                  R"(["%","b.%"])",
                                                  R"("l[*].%")",
                                                  "null",
                                                  R"({"source":"%","required":true,"default":"x"})",
                                                  R"({"source":["%"],"transform":"trim"})"};
  std::mt19937 random(20260101);  // NOLINT: the same maps at every run
  const auto pick = [&](std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random);
  };
  for (int round = 0; round < 500; ++round) {
    std::string text = "{";
    for (const std::string_view field : fields) {
      if (pick(3) == 0) continue;
      std::string side(sides[pick(sides.size())]);
      for (auto at = side.find('%'); at != std::string::npos; at = side.find('%'))
        side.replace(at, 1, "p_" + std::string(field));
      text += (text.size() > 1 ? ",\"" : "\"") + std::string(field) + "\":" + side;
    }
    const json::Document document = json::Document::parse(text + "}").value();
    Result<ShortHand> parsed = parse_short_hand(document.root(), "work_order");
    if (!parsed) continue;  // an empty map
    ShortHand rules = std::move(parsed).value();
    // As a DBA may edit the rows: rules that are gone, changed or for one operation.
    if (!rules.outbound.empty() && pick(2) == 0)
      rules.outbound.erase(rules.outbound.begin() + static_cast<std::ptrdiff_t>(pick(rules.outbound.size())));
    if (!rules.inbound.empty() && pick(2) == 0) rules.inbound[pick(rules.inbound.size())].owner = "hub";
    if (!rules.inbound.empty() && pick(4) == 0)
      rules.inbound.erase(rules.inbound.begin() + static_cast<std::ptrdiff_t>(pick(rules.inbound.size())));
    if (!rules.outbound.empty() && pick(4) == 0) rules.outbound.front().on_operation = OnOperation::create;
    const std::string written = write_short_hand(rules, "work_order");
    const json::Document again = json::Document::parse(written).value();
    if (rules.inbound.empty() && rules.outbound.empty()) continue;
    const Result<ShortHand> read = parse_short_hand(again.root(), "work_order");
    ASSERT_TRUE(read.ok()) << written << ": " << read.error().message;
    EXPECT_TRUE(std::is_permutation(rules.inbound.begin(), rules.inbound.end(), read.value().inbound.begin(),
                                    read.value().inbound.end()))
        << text << "} " << written;
    EXPECT_TRUE(std::is_permutation(rules.outbound.begin(), rules.outbound.end(),
                                    read.value().outbound.begin(), read.value().outbound.end()))
        << text << "} " << written;
  }
}

}  // namespace
}  // namespace cmms::mapping
