// Events: names, records and what an event says by itself.
#include "core/provider/webhook.hpp"

#include <gtest/gtest.h>

#include "provider_fixture.hpp"

namespace cmms::provider {
namespace {

using test::connect;
using test::custom_input;
using test::parse;
using test::text_of;

std::optional<std::string_view> no_header(std::string_view) { return std::nullopt; }

ConnectionInput rela_input() {
  auto input = custom_input();
  input.field_rows = {{"work_order", "inbound", "source_work_order_id", "AUFNR", "", false, {}, "always"},
                      {"work_order", "inbound", "title", "KTEXT", "", false, {}, "always"}};
  return input;
}

TEST(Webhook, AnEventSetsItsStatus) {
  const auto connection = connect(rela_input());
  const json::Document body = parse(
      R"({"event": "work_order.completed", "work_order": {"AUFNR": "4711", "KTEXT": "x", "status": "TECO"}})");
  const auto event = read_webhook(*connection, body.root(), no_header);
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(event.value().ignored);
  EXPECT_EQ(event.value().event_type, "work_order.completed");
  EXPECT_EQ(event.value().records.at(0).inbound.source_record_id, "4711");
  EXPECT_TRUE(event.value().records.at(0).inbound.mapped.problems.empty());
  EXPECT_EQ(text_of(event.value().records.at(0).inbound.mapped, "common_status"), "\"completed\"");
  EXPECT_EQ(text_of(event.value().records.at(0).inbound.mapped, "source_status"), "\"TECO\"");
  EXPECT_EQ(text_of(event.value().records.at(0).inbound.mapped, "title"), "\"x\"");
}

TEST(Webhook, FindsTheRecordInCommonPlaces) {
  const auto connection = connect(rela_input());
  for (const std::string body : {R"({"type": "work_order.cancelled", "data": {"work_order": {"AUFNR": 1}}})",
                                 R"({"event": {"code": "work_order.cancelled"}, "data": {"AUFNR": 1}})",
                                 R"({"event_type": "work_order.cancelled", "payload": {"AUFNR": 1}})",
                                 R"({"event": "work_order.cancelled", "id": "evt_1", "AUFNR": 1})",
                                 R"({"event": "work_order.cancelled", "work_order": {"id": 1}})"}) {
    const json::Document document = parse(body);
    const auto event = read_webhook(*connection, document.root(), no_header);
    ASSERT_TRUE(event.ok()) << body;
    EXPECT_EQ(event.value().records.at(0).inbound.source_record_id, "1") << body;
    EXPECT_EQ(text_of(event.value().records.at(0).inbound.mapped, "common_status"), "\"cancelled\"") << body;
  }
}

TEST(Webhook, TheEventsOwnIdIsNotTheRecords) {
  const json::Document body = parse(R"({"event": "work_order.updated", "id": "evt_1", "KTEXT": "x"})");
  const auto event = read_webhook(*connect(rela_input()), body.root(), no_header);
  ASSERT_FALSE(event.ok());
  EXPECT_EQ(event.error().error_class, ErrorClass::validation);
  const auto flat = read_webhook(*connect(custom_input()), body.root(), no_header);
  ASSERT_TRUE(flat.ok());
  EXPECT_EQ(flat.value().records.at(0).inbound.source_record_id, "evt_1");
}

TEST(Webhook, UnknownEventsAreIgnored) {
  const auto connection = connect(rela_input());
  for (const std::string body : {R"({"event": "asset.updated", "AUFNR": 1})", R"({"event": "ping"})"}) {
    const json::Document document = parse(body);
    const auto event = read_webhook(*connection, document.root(), no_header);
    ASSERT_TRUE(event.ok());
    EXPECT_TRUE(event.value().ignored);
    EXPECT_NE(event.value().reason, "");
  }
  const json::Document array = parse("[1]");
  EXPECT_FALSE(read_webhook(*connection, array.root(), no_header).ok());
}

TEST(Webhook, EventNamesCanBeMapped) {
  auto input = rela_input();
  input.value_rows = {{"work_order", "event", "inbound", {"WO_DONE", "work_order.completed"}}};
  const json::Document body = parse(R"({"event": "wo-done", "AUFNR": 1})");
  const auto event = read_webhook(*connect(input), body.root(), no_header);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(text_of(event.value().records.at(0).inbound.mapped, "common_status"), "\"completed\"");
}

TEST(Webhook, TheNameOfTheEventMayBeItsStatus) {
  auto input = rela_input();
  input.value_rows = {
      {"work_order", "event_status", "inbound", {"WorkOrder.Released", "approved"}},
      {"work_order", "event_status", "inbound", {"*", "closed", mapping::Match::default_value}}};
  const auto connection = connect(input);
  const auto status_of = [&](const std::string& text) {
    const json::Document body = parse(text);
    const auto event = read_webhook(*connection, body.root(), no_header);
    if (!event.ok() || event.value().ignored) return std::string("ignored");
    for (const auto& problem : event.value().records.at(0).inbound.mapped.problems) return problem.message;
    return text_of(event.value().records.at(0).inbound.mapped, "common_status");
  };
  EXPECT_EQ(status_of(R"({"event": "workorder.released", "AUFNR": 1})"), "\"approved\"");
  EXPECT_EQ(status_of(R"({"event": "WorkOrder.Released", "AUFNR": 1, "status": null})"), "\"approved\"");
  EXPECT_EQ(status_of(R"({"event": "ping", "AUFNR": 1})"), "ignored");
  // What the record says itself counts, and what it says without a mapping is still a problem.
  EXPECT_NE(status_of(R"({"event": "WorkOrder.Released", "AUFNR": 1, "status": "Odd"})").find("no mapping"),
            std::string::npos);
}

TEST(Webhook, DeliveryIdsComeFromHeadersFirst) {
  const auto connection = connect(rela_input());
  const json::Document body = parse(R"({"event_id": 77, "AUFNR": 1})");
  const HeaderLookup header = [](std::string_view name) -> std::optional<std::string_view> {
    if (name == "x-webhook-id") return "h1";
    if (name == "x-webhook-event") return "work_order.updated";
    return std::nullopt;
  };
  const auto with_header = read_webhook(*connection, body.root(), header);
  ASSERT_TRUE(with_header.ok());
  EXPECT_EQ(with_header.value().delivery_id, "h1");
  EXPECT_EQ(with_header.value().event_type, "work_order.updated");
  EXPECT_FALSE(with_header.value().ignored);
  EXPECT_EQ(read_webhook(*connection, body.root(), no_header).value().delivery_id, "77");
}

TEST(Webhook, ARecordWithoutAnEventNameIsNewsOfIt) {
  const json::Document bare = parse(R"({"AUFNR": "4711", "KTEXT": "Pump"})");
  const auto event = read_webhook(*connect(rela_input()), bare.root(), no_header);
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(event.value().ignored);
  EXPECT_EQ(event.value().records.at(0).inbound.source_record_id, "4711");
  const json::Document empty = parse("{}");
  EXPECT_FALSE(read_webhook(*connect(rela_input()), empty.root(), no_header).ok());
}

TEST(Webhook, AGatewayMayHandInClickMaintRecordsAsTheApiShowsThem) {
  const json::Document body = parse(
      R"({"status": "success", "data": {"id": 1126, "title": "Freezer", "status": {"id": 5, "name": "On Hold"}}})");
  const auto event = read_webhook(*connect(test::clickmaint_input()), body.root(), no_header);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event.value().records.at(0).inbound.source_record_id, "1126");
  EXPECT_EQ(text_of(event.value().records.at(0).inbound.mapped, "common_status"), "\"on_hold\"");
}

}  // namespace
}  // namespace cmms::provider
