// The mapping engine: one engine, three directions, problems collected.
#include "core/mapping/mapping.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json/jansson.hpp"

namespace cmms::mapping {
namespace {

RuleText rule(std::string target, std::vector<std::string> sources, std::string transform = {}) {
  RuleText text;
  text.target = std::move(target);
  text.sources = std::move(sources);
  text.transform = std::move(transform);
  return text;
}

RuleText required(RuleText text) {
  text.required = true;
  return text;
}

RuleText with_default(RuleText text, json::Field value) {
  text.default_value = std::move(value);
  return text;
}

RuleText on(OnOperation operation, RuleText text) {
  text.on_operation = operation;
  return text;
}

FieldMap compiled(const std::vector<RuleText>& texts) {
  std::vector<Rule> rules;
  for (const RuleText& text : texts) {
    Result<Rule> one = compile_rule(text);
    EXPECT_TRUE(one.ok()) << (one.ok() ? "" : one.error().message);
    if (one.ok()) rules.push_back(std::move(one).value());
  }
  return FieldMap(std::move(rules));
}

// "target=json ..." and then "!kind:target ..."
std::string shown(const Mapped& mapped) {
  std::string text;
  for (const MappedField& field : mapped.fields) text += field.target + "=" + field.value.to_json() + " ";
  for (const Problem& problem : mapped.problems) {
    text += "!" + std::string(problem_kind_name(problem.kind)) + ":" + problem.target + " ";
  }
  return text;
}

std::string applied(const FieldMap& map, std::string_view document_text, Direction direction,
                    Operation operation, const std::function<bool(std::string_view)>* only = nullptr) {
  ValueMaps values;
  values["status"].add("Open", "requested");
  values["priority"].add("emergency", "high");
  const json::Document document = json::Document::parse(document_text).value();
  return shown(map.apply(document.root(), values, direction, operation, only));
}

TEST(FieldMap, InboundKeepsNullAndLeavesOutWhatIsAbsent) {
  const FieldMap map = compiled({rule("source_work_order_id", {"id"}, "string"), rule("title", {"title"}),
                                 rule("common_status", {"status.name"}, "trim | map status"),
                                 rule("completed_at", {"completed_at"}, "timestamp"),
                                 rule("assignees", {"technicians[*].email"})});
  EXPECT_EQ(applied(map,
                    R"({"id":1126,"title":"Leak","status":{"name":" open"},"completed_at":null,
                        "technicians":[{"email":"a@x"}]})",
                    Direction::inbound, Operation::update),
            "source_work_order_id=\"1126\" title=\"Leak\" common_status=\"requested\" completed_at=null "
            "assignees=[\"a@x\"] ");
  EXPECT_EQ(applied(map, R"({"id":1,"completed_at":null})", Direction::inbound, Operation::create),
            "source_work_order_id=\"1\" completed_at=null ");
}

TEST(FieldMap, TheFirstSourceThatHasAValueWins) {
  const FieldMap map = compiled({rule("t", {"a", "b.c", "d"})});
  EXPECT_EQ(applied(map, R"({"a":null,"b":{"c":2},"d":3})", Direction::inbound, Operation::update), "t=2 ");
  EXPECT_EQ(applied(map, R"({"b":{"c":null}})", Direction::inbound, Operation::update), "t=null ");
  EXPECT_EQ(applied(map, R"({"x":1})", Direction::inbound, Operation::update), "");
}

TEST(FieldMap, ACreateLeavesNullsOutAndAnUpdateSendsThem) {
  const FieldMap map = compiled({rule("title", {"title"}), rule("due_date", {"sla_due_at"}, "timestamp")});
  constexpr std::string_view document = R"({"title":"x","sla_due_at":null})";
  EXPECT_EQ(applied(map, document, Direction::outbound, Operation::create), "title=\"x\" ");
  EXPECT_EQ(applied(map, document, Direction::outbound, Operation::update), "title=\"x\" due_date=null ");
  EXPECT_EQ(applied(map, document, Direction::row, Operation::create), "title=\"x\" ");
}

TEST(FieldMap, DefaultsFillNullsAndNewRecords) {
  const FieldMap map = compiled({with_default(rule("type", {"work_type"}), json::Field::string("reactive"))});
  EXPECT_EQ(applied(map, "{}", Direction::outbound, Operation::create), "type=\"reactive\" ");
  EXPECT_EQ(applied(map, R"({"work_type":null})", Direction::outbound, Operation::update),
            "type=\"reactive\" ");
  EXPECT_EQ(applied(map, "{}", Direction::outbound, Operation::update), "");
  EXPECT_EQ(applied(map, R"({"work_type":"pm"})", Direction::outbound, Operation::create), "type=\"pm\" ");
}

TEST(FieldMap, WhatTurnsOutToBeNewIsCompleted) {
  const FieldMap map = compiled({required(rule("title", {"t"})), rule("note", {"n"}),
                                 with_default(rule("requester", {"r"}), json::Field::string("nobody"))});
  const auto completed = [&](std::string_view text) {
    const json::Document document = json::Document::parse(text).value();
    const Mapped mapped = map.apply(document.root(), {}, Direction::inbound, Operation::update);
    const std::optional<Mapped> whole = map.complete(mapped);
    return whole ? shown(*whole) : "nothing to do: " + shown(mapped);
  };
  EXPECT_EQ(completed(R"({"n":1})"), "note=1 requester=\"nobody\" !missing_required:title ");
  EXPECT_EQ(completed(R"({"t":"a"})"), "title=\"a\" requester=\"nobody\" ");
  EXPECT_EQ(completed(R"({"t":"a","r":"b"})"), "nothing to do: title=\"a\" requester=\"b\" ");
  EXPECT_EQ(completed(R"({"t":null,"r":"b"})"), "nothing to do: requester=\"b\" !missing_required:title ");
}

TEST(FieldMap, RulesCanBelongToOneOperation) {
  const FieldMap map =
      compiled({on(OnOperation::create, rule("a", {"x"})), on(OnOperation::update, rule("b", {"x"}))});
  EXPECT_EQ(applied(map, R"({"x":1})", Direction::outbound, Operation::create), "a=1 ");
  EXPECT_EQ(applied(map, R"({"x":1})", Direction::outbound, Operation::update), "b=1 ");
}

TEST(FieldMap, RequiredIsAProblemOfCreatesAndOfCleared) {
  const FieldMap map = compiled({required(rule("title", {"title"}))});
  EXPECT_EQ(applied(map, "{}", Direction::outbound, Operation::create), "!missing_required:title ");
  EXPECT_EQ(applied(map, R"({"title":null})", Direction::outbound, Operation::create),
            "!missing_required:title ");
  EXPECT_EQ(applied(map, R"({"title":""})", Direction::inbound, Operation::create),
            "!missing_required:title ");
  EXPECT_EQ(applied(map, "{}", Direction::outbound, Operation::update), "");
  EXPECT_EQ(applied(map, R"({"title":null})", Direction::outbound, Operation::update),
            "!missing_required:title ");
  const FieldMap defaulted =
      compiled({with_default(required(rule("title", {"title"})), json::Field::string("untitled"))});
  EXPECT_EQ(applied(defaulted, "{}", Direction::outbound, Operation::create), "title=\"untitled\" ");
}

TEST(FieldMap, CollectsEveryProblem) {
  const FieldMap map =
      compiled({required(rule("title", {"title"})), rule("common_status", {"status"}, "map status"),
                rule("sla_due_at", {"due"}, "timestamp"), rule("identifier", {"no"})});
  const json::Document document =
      json::Document::parse(R"({"status":"Foo","due":"13/13/2020","no":"N1"})").value();
  const Mapped mapped = map.apply(document.root(), {}, Direction::inbound, Operation::create);
  EXPECT_EQ(shown(mapped),
            "identifier=\"N1\" !missing_required:title !unmapped_value:common_status !bad_value:sla_due_at ");
  EXPECT_EQ(mapped.problems[0].message, "field \"title\" is required and has no value (rule: title)");
  EXPECT_EQ(mapped.problems[1].vocabulary, "status");
  EXPECT_EQ(mapped.problems[1].value, "Foo");
  EXPECT_EQ(mapped.problems[1].message,
            "field \"common_status\": value \"Foo\" has no mapping in vocabulary \"status\" (rule: status | "
            "map status)");
  EXPECT_EQ(
      mapped.problems[2].message,
      "field \"sla_due_at\": value \"13/13/2020\" is not an ISO 8601 timestamp (rule: due | timestamp)");
  EXPECT_EQ(mapped.find("identifier")->text, "N1");
  EXPECT_EQ(mapped.find("title"), nullptr);
}

TEST(FieldMap, CapsTheOffendingValue) {
  const FieldMap map = compiled({rule("n", {"n"}, "number")});
  const json::Document document = json::Document::parse("{\"n\":\"" + std::string(5000, 'x') + "\"}").value();
  const Mapped mapped = map.apply(document.root(), {}, Direction::inbound, Operation::create);
  ASSERT_EQ(mapped.problems.size(), 1U);
  EXPECT_EQ(mapped.problems[0].value.size(), 200U);
  EXPECT_LT(mapped.problems[0].message.size(), 400U);
}

TEST(FieldMap, OnlyWhatChangedIsSent) {
  const FieldMap map = compiled({required(rule("title", {"title"})), rule("plant", {"metadata.plant"}),
                                 rule("due", {"sla_due_at", "planned_end_at"}),
                                 with_default(rule("notify", {}), json::Field::string("yes"))});
  constexpr std::string_view document =
      R"({"title":null,"metadata":{"plant":"P1"},"planned_end_at":"2025-01-01"})";
  auto only = [](std::string_view changed) {
    return std::function<bool(std::string_view)>([=](std::string_view field) { return field == changed; });
  };
  const auto metadata = only("metadata");
  const auto planned_end = only("planned_end_at");
  const auto other = only("closed_at");
  EXPECT_EQ(applied(map, document, Direction::outbound, Operation::update, &metadata),
            "plant=\"P1\" notify=\"yes\" ");
  EXPECT_EQ(applied(map, document, Direction::outbound, Operation::update, &planned_end),
            "due=\"2025-01-01\" notify=\"yes\" ");
  EXPECT_EQ(applied(map, document, Direction::outbound, Operation::update, &other), "");
}

TEST(FieldMap, RowsMapLikeAnythingElse) {
  const FieldMap map = compiled({rule("title", {"subject"}), rule("common_status", {"state"}, "map status")});
  EXPECT_EQ(applied(map, R"({"subject":"Leak","state":"open","other":1})", Direction::row, Operation::create),
            "title=\"Leak\" common_status=\"requested\" ");
}

TEST(FieldMap, AcceptsAnythingAsDocument) {
  const FieldMap map = compiled({rule("t", {"a.b"}), required(rule("r", {"$[0]"}))});
  for (const char* document : {"null", "1", "[]", "\"x\""}) {
    EXPECT_EQ(applied(map, document, Direction::inbound, Operation::create), "!missing_required:r ")
        << document;
  }
}

TEST(CompileRule, RefusesWithTheRuleNamed) {
  auto message = [](const RuleText& text) {
    const Result<Rule> compiled_rule = compile_rule(text);
    return compiled_rule.ok() ? "compiled" : compiled_rule.error().message;
  };
  EXPECT_EQ(message(rule("", {"a"})), "field map rule has no target");
  EXPECT_EQ(message(rule("t", {})), "field map rule for \"t\": neither a source nor a default is given");
  EXPECT_EQ(message(rule("t[0]", {"a"})),
            "field map rule for \"t[0]\": a target is a member name or member names joined by dots");
  EXPECT_EQ(message(rule("t", {"a..b"})),
            "field map rule for \"t\": invalid path \"a..b\": expected a member name at position 3");
  EXPECT_EQ(message(rule("t", {"a"}, "foo")), "field map rule for \"t\": unknown transform \"foo\"");
  EXPECT_EQ(message(rule("t", std::vector<std::string>(17, "a"))),
            "field map rule for \"t\": more than 16 sources");
  EXPECT_EQ(message(rule("a.b", {"a", "$.c[*]"}, "first | trim")), "compiled");
}

}  // namespace
}  // namespace cmms::mapping
