// Connections: defaults overlaid with rows and learnt values, and records read through them.
#include "core/provider/connection.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/provider/inbound.hpp"
#include "provider_fixture.hpp"

namespace cmms::provider {
namespace {

using test::clickmaint_input;
using test::connect;
using test::custom_input;
using test::mark;
using test::parse;
using test::reference;
using test::text_of;

std::vector<FieldRow> rela_rows() {
  const json::Document document = parse(
      R"({"work_order":{"id":"AUFNR","title":"KTEXT","priority":"PRIOK","asset_id":"EQUNR","scheduled_date":"GSTRP"}})");
  const auto short_hand = mapping::parse_short_hand(document.root(), "work_order");
  std::vector<FieldRow> rows;
  for (const auto& [direction, rules] : {std::pair("inbound", &short_hand.value().inbound),
                                         std::pair("outbound", &short_hand.value().outbound)}) {
    for (const mapping::RuleText& rule : *rules) {
      FieldRow row;
      row.resource = "work_order";
      row.direction = direction;
      row.target = rule.target;
      row.source = sources_text(rule.sources);
      row.transform = rule.transform;
      row.required = rule.required;
      rows.push_back(row);
    }
  }
  return rows;
}

std::string outbound(const Connection& connection, std::string_view vocabulary, std::string_view value) {
  const auto& maps = connection.maps("work_order")->outbound_values;
  const auto map = maps.find(vocabulary);
  const auto found = map == maps.end() ? std::nullopt : map->second.find(value);
  return std::string(found.value_or("<unmapped>"));
}

TEST(Connection, FillsInDefaults) {
  const auto connection = connect(clickmaint_input());
  EXPECT_EQ(connection->option("work_order_path"), "/work_orders");
  EXPECT_EQ(connection->option("nothing"), "");
  EXPECT_EQ(connection->max_concurrency(), 16);
  EXPECT_EQ(connection->timeout(), std::chrono::seconds(30));
  EXPECT_EQ(connection->lookup_grace(), std::chrono::seconds(5));
  EXPECT_EQ(connection->webhook_scheme(), "none");
  EXPECT_TRUE(connection->can_poll("work_order"));
  EXPECT_TRUE(connection->can_look_up("work_order"));
  EXPECT_FALSE(connection->can_poll("asset"));
}

TEST(Connection, RefusesWrongOptions) {
  auto input = clickmaint_input();
  input.options.insert_or_assign("entity_id", "x");
  EXPECT_FALSE(make_connection(input).ok());
  auto bad_map = clickmaint_input();
  bad_map.field_rows = {{"work_order", "inbound", "title", "$[", "", false, {}, "always"}};
  EXPECT_FALSE(make_connection(bad_map).ok());
}

TEST(Connection, TakesSeveralWebhookSecrets) {
  auto input = custom_input();
  input.credentials = {{"webhook_secret", "whsec_a, whsec_b"}};
  const auto connection = connect(input);
  EXPECT_EQ(connection->webhook_scheme(), "standard_webhooks");
  EXPECT_EQ(connection->webhook_secrets(), (std::vector<std::string_view>{"whsec_a", "whsec_b"}));
  const auto secrets = connection->secrets();
  EXPECT_NE(std::find(secrets.begin(), secrets.end(), "whsec_b"), secrets.end());
}

TEST(Connection, CustomPollsAndLooksUpOnlyWhenItIsToldHow) {
  EXPECT_FALSE(connect(custom_input())->can_poll("work_order"));
  EXPECT_FALSE(connect(custom_input())->can_look_up("work_order"));
  auto input = custom_input();
  input.options.insert_or_assign("changed_since_parameter", "updated_since");
  input.options.insert_or_assign("reference_field", "external_ref");
  EXPECT_FALSE(connect(input)->can_look_up("work_order"));
  input.options.insert_or_assign("lookup_parameter", "external_ref");
  const auto connection = connect(input);
  EXPECT_TRUE(connection->can_look_up("work_order"));
  EXPECT_TRUE(connection->can_poll("work_order"));
  EXPECT_FALSE(connection->maps("work_order")->changed_since_sorted);
}

TEST(Overlay, RowsReplaceAndSwitchOffRules) {
  auto input = clickmaint_input();
  input.field_rows = {
      {"work_order", "outbound", "title", "description", "upper", true, {}, "always"},
      {"work_order", "outbound", "type", std::nullopt, "", false, {}, "always"},
      {"work_order", "outbound", "notify_vendors_on_create", std::nullopt, "", false, R"("yes")", "create"},
      {"work_order", "row", "title", "ticket", "", false, {}, "always"},
      {"asset", "outbound", "title", "name", "", false, {}, "always"},
  };
  const auto connection = connect(input);
  const ResourceMaps& maps = *connection->maps("work_order");
  const json::Document record = parse(R"({"title": "T", "description": "d"})");
  const mapping::Mapped mapped = maps.outbound.apply(
      record.root(), maps.outbound_values, mapping::Direction::outbound, mapping::Operation::create);
  EXPECT_EQ(text_of(mapped, "title"), "\"D\"");
  EXPECT_EQ(text_of(mapped, "type"), "<absent>");
  EXPECT_EQ(text_of(mapped, "notify_vendors_on_create"), "\"yes\"");
}

TEST(Overlay, ActivationNamesRequiredFieldsWithoutARule) {
  auto input = clickmaint_input();
  EXPECT_TRUE(unmapped_required(*connect(input), "work_order").empty());
  input.field_rows = {{"work_order", "outbound", "title", std::nullopt, "", false, {}, "always"}};
  EXPECT_EQ(unmapped_required(*connect(input), "work_order"), std::vector<std::string>{"title"});
  auto custom = custom_input();
  custom.options.insert_or_assign("required_fields", "KTEXT, AUART,AUART");
  custom.field_rows = rela_rows();
  EXPECT_EQ(unmapped_required(*connect(custom), "work_order"), std::vector<std::string>{"AUART"});
}

TEST(Overlay, ActivationAsksNothingForACompanionThatIsNotUsed) {
  ConnectionInput input;
  input.descriptor = test::shipped_descriptor("sap_pm");
  input.options = {{"base_url", "https://sap.test"}, {"order_type", "PM01"}, {"planning_plant", "1010"}};
  input.credentials = {{"username", "u"}, {"password", "p"}};
  EXPECT_TRUE(unmapped_required(*connect(input), "notification").empty());
  input.field_rows = {
      {"notification", "outbound", "NotificationText", std::nullopt, "", false, {}, "always"}};
  EXPECT_TRUE(unmapped_required(*connect(input), "notification").empty());
  input.options.insert_or_assign("notification_type", "M1");
  EXPECT_EQ(unmapped_required(*connect(input), "notification"), std::vector<std::string>{"NotificationText"});
}

TEST(Overlay, SourcesSurviveTheirText) {
  for (const std::vector<std::string>& sources :
       {std::vector<std::string>{"$.a"}, std::vector<std::string>{"a", "$.\"odd, key\""}}) {
    const auto parsed = parse_sources(sources_text(sources));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(parsed.value(), sources);
  }
}

TEST(Overlay, LearntNamesGiveIds) {
  auto input = clickmaint_input();
  EXPECT_EQ(outbound(*connect(input), "status", "completed"), "<unmapped>");
  input.learnt_values = {
      {"status", "3", "COMPLETED"}, {"status", "4", "Waiting for parts"}, {"other", "9", "On Hold"}};
  EXPECT_EQ(outbound(*connect(input), "status", "completed"), "3");
  EXPECT_EQ(outbound(*connect(input), "status", "on_hold"), "<unmapped>");
  input.value_rows = {{"work_order", "status", "inbound", {"waiting for parts", "on_hold"}}};
  EXPECT_EQ(outbound(*connect(input), "status", "on_hold"), "4");
}

TEST(Overlay, AmbiguousLearntNamesAreNotGuessed) {
  auto input = clickmaint_input();
  input.learnt_values = {{"status", "1", "Open"}, {"status", "2", "New"}};
  EXPECT_EQ(outbound(*connect(input), "status", "requested"), "<unmapped>");
  input.learnt_values.push_back({"status", "8", "Requested"});
  EXPECT_EQ(outbound(*connect(input), "status", "requested"), "8");
  input.value_rows = {{"work_order", "status", "outbound", {"requested", "new"}}};
  EXPECT_EQ(outbound(*connect(input), "status", "requested"), "2");
  input.value_rows = {{"work_order", "status", "outbound", {"requested", "1"}}};
  EXPECT_EQ(outbound(*connect(input), "status", "requested"), "1");
}

TEST(Overlay, ARowOutweighsADefaultOfAnotherSpelling) {
  auto input = clickmaint_input();
  input.value_rows = {{"work_order", "status", "inbound", {"on_hold", "in_progress"}}};
  const auto connection = connect(input);
  const mapping::ValueMap& map = connection->maps("work_order")->inbound_values.at("status");
  EXPECT_EQ(map.find("On Hold"), "in_progress");
}

TEST(Overlay, ADefaultRowLeavesTheOtherRulesAlone) {
  auto input = clickmaint_input();
  input.learnt_values = {{"status", "3", "Completed"}, {"status", "4", "Waiting for parts"}};
  input.value_rows = {{"work_order", "status", "inbound", {"*", "on_hold", mapping::Match::default_value}}};
  const auto connection = connect(input);
  const mapping::ValueMap& map = connection->maps("work_order")->inbound_values.at("status");
  EXPECT_EQ(map.find("In Progress"), "in_progress");
  EXPECT_EQ(map.find("Waiting for parts"), "on_hold");
  // What is ours only by default is not what we would write.
  EXPECT_EQ(outbound(*connection, "status", "on_hold"), "<unmapped>");
  EXPECT_EQ(outbound(*connection, "status", "completed"), "3");
}

TEST(Overlay, ACodeOutweighsADefaultOfTheWholeValue) {
  auto input = clickmaint_input();
  input.value_rows = {
      {"work_order", "status", "inbound", {"Open", "approved", mapping::Match::contains_code, 1}}};
  const auto connection = connect(input);
  const mapping::ValueMap& map = connection->maps("work_order")->inbound_values.at("status");
  EXPECT_EQ(map.find("Open"), "approved");
  EXPECT_EQ(map.find("open, urgent"), "approved");
  EXPECT_EQ(map.find("New"), "requested");
}

// A provider whose fields have other names too, as SAP's have those of its ECC.
ConnectionInput aliased_input() {
  Result<Descriptor> descriptor = parse_descriptor(R"({"type": "t", "name": "T", "resources": {"work_order": {
      "id": "$.MaintenanceOrder", "updated_at": "$.Changed",
      "aliases": {"AUFNR": "MaintenanceOrder", "KTEXT": "Texts.Short", "LTEXT": {"outbound": "Texts.Long"},
                  "GSTRP": {"inbound": "StartDate", "outbound": "StartDateTime"}},
      "required": ["StartDateTime"],
      "fields": {"outbound": [{"target": "Texts.Short", "source": "title"}],
                 "inbound": [{"target": "title", "source": "Texts.Short"}]}}}})");
  if (!descriptor) ADD_FAILURE() << descriptor.error().message;
  ConnectionInput input;
  input.provider_id = "t";
  input.descriptor = std::make_shared<const Descriptor>(std::move(descriptor).value());
  input.options = {{"base_url", "https://t.test"}};
  return input;
}

TEST(Alias, StandsForAFieldInTheMaps) {
  auto input = aliased_input();
  input.field_rows = rela_rows();
  input.field_rows.push_back(
      {"work_order", "inbound", "source_updated_at", "[\"AEDAT\",\"$.GSTRP[0].at\"]", "", false, {}});
  const auto connection = connect(input);
  const ResourceMaps& maps = *connection->maps("work_order");
  const json::Document row =
      parse(R"({"title": "Pump", "asset_ref": "E-1", "planned_start_at": "2026-01-01T00:00:00Z"})");
  const mapping::Mapped sent = maps.outbound.apply(row.root(), maps.outbound_values,
                                                   mapping::Direction::outbound, mapping::Operation::create);
  ASSERT_EQ(sent.fields.size(), 3U);  // not twice by the default rule
  EXPECT_EQ(text_of(sent, "Texts.Short"), "\"Pump\"");
  EXPECT_EQ(text_of(sent, "StartDateTime"), "\"2026-01-01T00:00:00Z\"");
  EXPECT_EQ(text_of(sent, "EQUNR"), "\"E-1\"");
  EXPECT_TRUE(unmapped_required(*connection, "work_order").empty());

  const json::Document record = parse(
      R"({"MaintenanceOrder": "4711", "Texts": {"Short": "Fan"}, "StartDate": "2026-02-01", "AUFNR": "no"})");
  const InboundRecord inbound = to_inbound(*connection, "work_order", record.root());
  EXPECT_EQ(inbound.source_record_id, "4711");
  EXPECT_EQ(text_of(inbound.mapped, "title"), "\"Fan\"");
  EXPECT_EQ(text_of(inbound.mapped, "planned_start_at"), "\"2026-02-01T00:00:00Z\"");
  ASSERT_EQ(maps.updated_at.size(), 3U);
  EXPECT_EQ(maps.updated_at[1].text(), "$.StartDate[0].at");
}

TEST(Alias, KeepsTheMapAsItWasWritten) {
  auto input = aliased_input();
  input.field_rows = {{"work_order", "outbound", "KTEXT", "description", "", false, {}, "always"},
                      {"work_order", "inbound", "title", "KTEXT", "trim", false, {}, "always"}};
  const auto connection = connect(input);
  for (const bool with_defaults : {false, true}) {
    const auto outbound =
        written_rules(*connection, input.field_rows, "work_order", "outbound", with_defaults);
    ASSERT_EQ(outbound.value().size(), 1U);
    EXPECT_EQ(outbound.value()[0].target, "KTEXT");
  }
  // Only in the direction that it is for: what is read by this name is the field that has it.
  input.field_rows = {{"work_order", "inbound", "description", "LTEXT", "", false, {}, "always"}};
  const json::Document record =
      parse(R"({"MaintenanceOrder": "1", "LTEXT": "own", "Texts": {"Long": "other"}})");
  EXPECT_EQ(text_of(to_inbound(*connect(input), "work_order", record.root()).mapped, "description"),
            "\"own\"");
}

TEST(Alias, TwoNamesOfOneFieldAreNotGuessed) {
  auto input = aliased_input();
  input.field_rows = {{"work_order", "outbound", "KTEXT", "title", "", false, {}, "always"},
                      {"work_order", "outbound", "$.Texts.Short", "description", "", false, {}, "always"}};
  const auto connection = make_connection(input);
  ASSERT_FALSE(connection.ok());
  EXPECT_NE(connection.error().message.find("are for the same field"), std::string::npos);
}

TEST(Inbound, ReadsAClickMaintRecord) {
  const auto connection = connect(clickmaint_input());
  const json::Document record =
      parse(R"({"id": 1126, "title": "Fix", "description": "Leak\r\n\r\n)" + mark +
            R"(", "priority": "high", "type": "reactive", "status": {"id": 5, "name": "Open"},
      "asset": {"id": 45}, "location": {}, "due_date": "2025-07-17T12:00:00Z", "completed_at": null,
      "total_costs": {}, "updated_at": "2025-09-24T16:20:25+02:00"})");
  const InboundRecord inbound = to_inbound(*connection, "work_order", record.root());
  EXPECT_TRUE(inbound.mapped.problems.empty());
  EXPECT_EQ(inbound.source_record_id, "1126");
  EXPECT_EQ(inbound.reference, reference);
  EXPECT_EQ(text_of(inbound.mapped, "source_work_order_id"), "\"1126\"");
  EXPECT_EQ(text_of(inbound.mapped, "reference"), "\"" + reference + "\"");
  EXPECT_EQ(text_of(inbound.mapped, "description"), "\"Leak\"");
  EXPECT_EQ(text_of(inbound.mapped, "common_status"), "\"requested\"");
  EXPECT_EQ(text_of(inbound.mapped, "source_status"), "\"Open\"");
  EXPECT_EQ(text_of(inbound.mapped, "priority"), "\"high\"");
  EXPECT_EQ(text_of(inbound.mapped, "source_priority"), "\"high\"");
  EXPECT_EQ(text_of(inbound.mapped, "asset_ref"), "\"45\"");
  EXPECT_EQ(text_of(inbound.mapped, "location_ref"), "<absent>");
  EXPECT_EQ(text_of(inbound.mapped, "completed_at"), "null");
  EXPECT_EQ(text_of(inbound.mapped, "total_cost"), "<absent>");
  EXPECT_EQ(text_of(inbound.mapped, "source_updated_at"), "\"2025-09-24T14:20:25Z\"");
  EXPECT_EQ(learn_values(*connection->maps("work_order"), record.root()),
            (std::vector<LearntValue>{{"status", "5", "Open"}}));
}

TEST(Inbound, ReadsAStatusInAnyForm) {
  const auto connection = connect(clickmaint_input());
  for (const std::string status :
       {R"({"id": 1, "name": "On Hold"})", R"({"id": 1, "title": "on hold"})", R"("on_hold")"}) {
    const json::Document record = parse(R"({"id": 1, "status": )" + status + "}");
    EXPECT_EQ(text_of(to_inbound(*connection, "work_order", record.root()).mapped, "common_status"),
              "\"on_hold\"");
  }
  const json::Document unknown = parse(R"({"id": 1, "status": {"id": 9, "name": "Snoozed"}})");
  const InboundRecord held = to_inbound(*connection, "work_order", unknown.root());
  ASSERT_EQ(held.mapped.problems.size(), 1U);
  EXPECT_EQ(held.mapped.problems[0].vocabulary, "status");
  EXPECT_EQ(held.mapped.problems[0].value, "Snoozed");
}

TEST(Inbound, ARecordWithoutAnIdIsAProblem) {
  const json::Document record = parse(R"({"title": "x"})");
  const InboundRecord inbound = to_inbound(*connect(clickmaint_input()), "work_order", record.root());
  ASSERT_EQ(inbound.mapped.problems.size(), 1U);
  EXPECT_EQ(inbound.mapped.problems[0].target, "source_work_order_id");
}

TEST(Inbound, RelasMappingWorksBothWays) {
  auto input = custom_input();
  input.field_rows = rela_rows();
  const auto connection = connect(input);
  const ResourceMaps& maps = *connection->maps("work_order");
  const json::Document row = parse(R"({"title": "Pump", "priority": "high", "asset_ref": "AST-1",
                                       "planned_start_at": "2025-07-17T12:00:00+00:00", "description": "d"})");
  const mapping::Mapped sent = maps.outbound.apply(row.root(), maps.outbound_values,
                                                   mapping::Direction::outbound, mapping::Operation::create);
  ASSERT_EQ(sent.fields.size(), 4U);
  EXPECT_EQ(text_of(sent, "KTEXT"), "\"Pump\"");
  EXPECT_EQ(text_of(sent, "PRIOK"), "\"high\"");
  EXPECT_EQ(text_of(sent, "EQUNR"), "\"AST-1\"");
  EXPECT_EQ(text_of(sent, "GSTRP"), "\"2025-07-17T12:00:00Z\"");
  const json::Document record =
      parse(R"({"AUFNR": 4711, "KTEXT": "Pump 2", "PRIOK": "low", "EQUNR": "E1", "id": 9})");
  const InboundRecord inbound = to_inbound(*connection, "work_order", record.root());
  EXPECT_TRUE(inbound.mapped.problems.empty());
  EXPECT_EQ(inbound.source_record_id, "4711");
  EXPECT_EQ(text_of(inbound.mapped, "title"), "\"Pump 2\"");
  EXPECT_EQ(text_of(inbound.mapped, "priority"), "\"low\"");
  EXPECT_EQ(text_of(inbound.mapped, "asset_ref"), "\"E1\"");
}

TEST(Reference, IsFoundAndStripped) {
  EXPECT_EQ(find_reference("x\n\n" + mark), reference);
  EXPECT_EQ(find_reference("[CMMS 0B0F5A52-6F2F-4D3E-9F0A-0123456789AB]"), reference);
  EXPECT_EQ(find_reference("[cmms 0b0f5a52]"), std::nullopt);
  EXPECT_EQ(find_reference(""), std::nullopt);
  const std::string other = "[cmms 11111111-6f2f-4d3e-9f0a-0123456789ab]";
  EXPECT_EQ(find_reference(other + " copied\n\n" + mark), reference);
  EXPECT_EQ(strip_reference("a\nb\n\n" + mark, reference), "a\nb");
  EXPECT_EQ(strip_reference("a\r\n\r\n" + mark, reference), "a");
  EXPECT_EQ(strip_reference("a " + mark, reference), "a");
  EXPECT_EQ(strip_reference(mark, reference), "");
  EXPECT_EQ(strip_reference("a\n\n" + mark + "\nnote", reference), "a\nnote");
  EXPECT_EQ(strip_reference(other, reference), other);
  EXPECT_EQ(strip_reference("a [", reference), "a [");
}

}  // namespace
}  // namespace cmms::provider
