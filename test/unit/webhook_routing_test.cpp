// Events that carry several records, that only name one, and that have no id: Mobility Work's documented
// samples and CloudEvents.
#include <gtest/gtest.h>

#include "core/provider/webhook.hpp"
#include "mobility_fixture.hpp"

namespace cmms::provider {
namespace {

using test::mobility_connection;
using test::parse;
using test::text_of;

std::optional<std::string_view> no_header(std::string_view) { return std::nullopt; }

// The bodies of the documentation's samples.
const std::string task_completed =
    R"({"_event":"TaskWasCompleted","legacyId":"32828f62","id":"32828f62","doneAt":"2021-11-02T16:32:38+00:00","initiator":{"id":"ee84d563-da9c-47ee-a79f-7147814509e0","firstName":"John","lastName":"Doe"},"associatedTo":{"_type":"equipment","type":"equipment","id":"ff77ef5b-19d4-4c50-96da-6a16f9c43644","legacyId":7111,"itemCode":"EQ-0001","name":"Machine Tool #1"},"metadata":{"internalIdentifier":1234}})";

std::string task_event(const std::string& name, const std::string& verb) {
  return R"({"_event":")" + name + R"(","taskId":"32828f62",")" + verb +
         R"(":{"by":{"userId":"ee84d563-da9c-47ee-a79f-7147814509e0","firstName":"John","lastName":"Doe"},"on":"2021-11-02T16:32:38+00:00"},"associatedTo":{"_type":"equipment","type":"equipment","id":"ff77ef5b-19d4-4c50-96da-6a16f9c43644","legacyId":7111,"itemCode":"EQ-0001","name":"Machine Tool #1"},"metadata":{"internalIdentifier":1234}})";
}

const std::string activity_added =
    R"({"_event":"ActivityWasAddedOnTask","_type":"ActivityWasAddedOnTaskWebhook","_sentAt":"2023-06-13T15:23:48+00:00","_metadata":[],"emittedAt":"2023-06-13T15:23:43+00:00","task":{"_type":"Task","taskId":"941c77dc","description":"corrective maintenance of the FREDS machine","metadata":{"internalIdentifier":1234}},"equipment":{"_type":"equipment","type":"equipment","equipmentId":"d1e569da-f996-4554-a335-12278873ae42","itemCode":"mw-ref-poz-01","name":"FREDS"},"activity":{"_type":"Activity","activityId":19823,"description":"replacement lamps","timeSpentInMinutes":120,"completedAt":"2023-06-13T14:00:00+00:00","reporter":{"_type":"User","userId":"2e9aadc1-8b7a-46f7-bd27-85983d97357d","firstName":"John","lastName":"Doe"}}})";

std::string stock_moved(const std::string& name, const std::string& movement, const std::string& task) {
  return R"({"_type":")" + name + R"(Webhook","_event":")" + name +
         R"(","_sentAt":"2022-06-02T14:31:06+00:00","emittedAt":"2023-02-08T23:00:00+00:00","_metadata":"","task":)" +
         task +
         R"(,"sparePart":{"_type":"sparePart","name":"Equipment with spare part # 18","sparePartId":"88b0b0f1-f5d0-4eeb-8b3c-c936b2c8a3b9","articleCode":"whr484zb","stock":119},"location":{"_type":"Location","locationId":"2d6e80f6-3608-3daf-935c-7533536863e8","name":"consequatur"},"initiator":{"_type":"User","userId":"e1fff3f1-aabd-4d82-8c3e-2cc75d1f4d7f","firstName":"Monty","lastName":"Watsica"},")" +
         movement + R"(":{"_type":"SparePartConsumption","quantity":3,"previousStock":116}})";
}

std::string stock_level(const std::string& name, const std::string& level) {
  return R"({"_event":")" + name +
         R"(","_date":"2022-06-02T14:31:06+00:00","_metadata":null,"stock":{"location":{"locationId":"78a70e7e-f80c-45e9-863a-cd71f6395c9b","name":"Allée 2 - Rang 3 - Étagère 4"})" +
         level +
         R"(},"sparePart":{"sparePartId":"e68243dd-cc9c-499c-8556-16c0215b719b","name":"SP all info","articleCode":"SP987678"},"movement":{"on":"2022-06-02T14:31:06+00:00"}})";
}

// The event, and the body that its records point into.
struct Read {
  json::Document body;
  Result<WebhookEvent> event;

  const WebhookRecord& record(std::size_t i) const { return event.value().records.at(i); }
  std::string field(std::size_t i, std::string_view name) const {
    return text_of(record(i).inbound.mapped, name);
  }
};

Read read(const Connection& connection, const std::string& text) {
  json::Document body = parse(text);
  Result<WebhookEvent> event = read_webhook(connection, body.root(), no_header, text);
  return {std::move(body), std::move(event)};
}

TEST(WebhookRouting, TaskEventsSetTheStatusAtTheirTime) {
  const auto connection = mobility_connection();
  const std::vector<std::pair<std::string, std::string>> samples{
      {task_completed, "\"completed\""},
      {task_event("TaskWasScheduled", "scheduled"), "\"assigned\""},
      {task_event("TaskWasStarted", "started"), "\"in_progress\""},
      {task_event("TaskWasCanceled", "canceled"), "\"cancelled\""}};
  for (const auto& [text, status] : samples) {
    const Read sample = read(*connection, text);
    ASSERT_TRUE(sample.event.ok()) << text;
    ASSERT_EQ(sample.event.value().records.size(), 1U);
    EXPECT_EQ(sample.record(0).resource, "work_order");
    EXPECT_EQ(sample.field(0, "source_work_order_id"), "\"32828f62\"");
    EXPECT_EQ(sample.field(0, "common_status"), status);
    EXPECT_EQ(sample.field(0, "source_updated_at"), "\"2021-11-02T16:32:38Z\"");
    EXPECT_EQ(sample.field(0, "asset_ref"), "\"ff77ef5b-19d4-4c50-96da-6a16f9c43644\"");
    EXPECT_TRUE(sample.record(0).inbound.mapped.problems.empty());
  }
}

TEST(WebhookRouting, AnEventMayCarryATaskAnAssetAndAnActivity) {
  const Read sample = read(*mobility_connection(), activity_added);
  ASSERT_TRUE(sample.event.ok());
  ASSERT_EQ(sample.event.value().records.size(), 3U);
  EXPECT_EQ(sample.field(0, "source_work_order_id"), "\"941c77dc\"");
  EXPECT_EQ(sample.field(0, "title"), "\"corrective maintenance of the FREDS machine\"");
  EXPECT_EQ(sample.record(1).resource, "asset");
  EXPECT_EQ(sample.field(1, "source_asset_id"), "\"d1e569da-f996-4554-a335-12278873ae42\"");
  EXPECT_EQ(sample.field(1, "identifier"), "\"mw-ref-poz-01\"");
  EXPECT_EQ(sample.record(2).resource, "comment");
  EXPECT_EQ(sample.field(2, "source_comment_id"), "\"19823\"");
  EXPECT_EQ(sample.field(2, "body"), "\"replacement lamps\"");
  EXPECT_EQ(sample.field(2, "time_spent_minutes"), "120");
  EXPECT_EQ(sample.field(2, "work_order_ref"), "\"941c77dc\"");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sample.field(i, "source_updated_at"), "\"2023-06-13T15:23:43Z\"") << i;
  }
}

TEST(WebhookRouting, WhatIsOptionalMayBeAbsent) {
  const auto connection = mobility_connection();
  const Read without_asset = read(
      *connection,
      R"({"_event":"ActivityWasAddedOnTask","_metadata":[],"equipment":null,"task":{"taskId":"9"},"activity":{"activityId":1,"description":"x"}})");
  ASSERT_TRUE(without_asset.event.ok());
  EXPECT_EQ(without_asset.event.value().records.size(), 2U);
  const Read without_task =
      read(*connection, R"({"_event":"ActivityWasAddedOnTask","activity":{"activityId":1}})");
  EXPECT_FALSE(without_task.event.ok());
}

TEST(WebhookRouting, StockMovementsAreTransactionsAndTheStockOfThePart) {
  const auto connection = mobility_connection();
  const std::string task =
      R"({"_type":"Task","taskId":"dfe1da12","equipment":{"itemCode":"EQ-0001","costCenter":"Outpost"}})";
  const std::vector<std::pair<std::string, std::string>> samples{
      {stock_moved("SparePartWasConsumed", "consumed", task), "\"consumed\""},
      {stock_moved("SparePartWasRestocked", "restocked", "null"), "\"restocked\""},
      {stock_moved("SparePartWasManuallyRecounted", "recounted", "null"), "\"recounted\""}};
  for (const auto& [text, kind] : samples) {
    const Read sample = read(*connection, text);
    ASSERT_TRUE(sample.event.ok()) << text;
    ASSERT_EQ(sample.event.value().records.size(), 2U);
    EXPECT_EQ(sample.field(0, "source_part_id"), "\"88b0b0f1-f5d0-4eeb-8b3c-c936b2c8a3b9\"");
    EXPECT_EQ(sample.field(0, "stock_quantity"), "119");
    EXPECT_EQ(sample.field(0, "source_updated_at"), "\"2023-02-08T23:00:00Z\"");
    EXPECT_EQ(sample.field(1, "kind"), kind);
    EXPECT_EQ(sample.field(1, "quantity"), "3");
    EXPECT_EQ(sample.field(1, "previous_stock"), "116");
    EXPECT_EQ(sample.record(1).inbound.source_record_id, sample.event.value().delivery_id);
    EXPECT_TRUE(sample.record(1).inbound.mapped.problems.empty());
  }
  EXPECT_EQ(read(*connection, samples[0].first).field(1, "work_order_ref"), "\"dfe1da12\"");
}

TEST(WebhookRouting, StockLevelsAreReported) {
  const auto connection = mobility_connection();
  const Read out = read(*connection, stock_level("SparePartWasOutOfStock", ""));
  ASSERT_TRUE(out.event.ok());
  EXPECT_EQ(out.field(0, "stock_quantity"), "0");
  EXPECT_EQ(out.field(0, "source_updated_at"), "\"2022-06-02T14:31:06Z\"");
  EXPECT_EQ(out.field(1, "kind"), "\"out_of_stock\"");
  const Read under =
      read(*connection, stock_level("SparePartStockWasUnderMinThreshold", R"(,"threshold":100,"value":98)"));
  ASSERT_TRUE(under.event.ok());
  EXPECT_EQ(under.field(1, "threshold"), "100");
  EXPECT_EQ(under.field(1, "stock"), "98");
}

TEST(WebhookRouting, ADeliveryWithoutAnIdGetsOneFromWhatItSays) {
  const auto connection = mobility_connection();
  const std::string first = read(*connection, task_completed).event.value().delivery_id;
  EXPECT_TRUE(first.starts_with("derived:")) << first;
  EXPECT_EQ(read(*connection, task_completed).event.value().delivery_id, first);
  std::string later = task_completed;
  later.replace(later.find("16:32:38"), 8, "16:32:39");
  EXPECT_NE(read(*connection, later).event.value().delivery_id, first);
}

TEST(WebhookRouting, OurReferenceIsFoundInTheMetadata) {
  std::string text = task_event("TaskWasScheduled", "scheduled");
  text.replace(text.find(R"("internalIdentifier":1234)"), 25, R"("cmms":")" + test::reference + "\"");
  const Read sample = read(*mobility_connection(), text);
  ASSERT_TRUE(sample.event.ok());
  EXPECT_EQ(sample.record(0).inbound.reference, test::reference);
}

std::shared_ptr<const Connection> cloud_events_connection() {
  Result<Descriptor> descriptor = parse_descriptor(R"json({
    "type": "cloud", "name": "CloudEvents",
    "resources": {"work_order": {"id": "$.MaintenanceOrder", "read": {"method": "GET", "path": "/x('{source_id}')"},
                                 "fields": {"inbound": [{"target": "work_type", "source": "$.MaintenanceOrderType"}]}}},
    "webhook": {
      "event": ["$.type"], "event_headers": ["ce-type"], "records": ["$.data", "$"],
      "delivery_headers": ["ce-id"], "delivery": ["$.id"],
      "events": {"sap.s4.beh.maintenanceorder.v1.MaintenanceOrder.Changed.v1": [{"read_back": true}]}
    }})json");
  EXPECT_TRUE(descriptor.ok());
  ConnectionInput input;
  input.provider_id = "sap";
  input.tenant_id = "default";
  input.descriptor = std::make_shared<const Descriptor>(std::move(descriptor).value());
  input.options = {{"base_url", "https://sap.test"}};
  return test::connect(std::move(input));
}

TEST(WebhookRouting, AnEventThatOnlyNamesItsRecordAsksForItToBeRead) {
  const auto connection = cloud_events_connection();
  const Read structured = read(
      *connection,
      R"({"id":"ce-1","type":"sap.s4.beh.maintenanceorder.v1.MaintenanceOrder.Changed.v1","data":{"MaintenanceOrder":"4002903","MaintenanceOrderType":"PM01"}})");
  ASSERT_TRUE(structured.event.ok());
  EXPECT_EQ(structured.event.value().delivery_id, "ce-1");
  ASSERT_EQ(structured.event.value().records.size(), 1U);
  EXPECT_TRUE(structured.record(0).read_back);
  EXPECT_EQ(structured.record(0).inbound.source_record_id, "4002903");
  EXPECT_TRUE(structured.record(0).inbound.mapped.fields.empty());
  // Binary mode: the attributes are headers, the body is the data.
  const json::Document data = parse(R"({"MaintenanceOrder":"4002903","MaintenanceOrderType":"PM01"})");
  const auto binary =
      read_webhook(*connection, data.root(), [](std::string_view name) -> std::optional<std::string_view> {
        if (name == "ce-id") return "ce-2";
        if (name == "ce-type") return "sap.s4.beh.maintenanceorder.v1.MaintenanceOrder.Changed.v1";
        return std::nullopt;
      });
  ASSERT_TRUE(binary.ok());
  EXPECT_EQ(binary.value().delivery_id, "ce-2");
  EXPECT_EQ(binary.value().records.at(0).inbound.source_record_id, "4002903");
}

TEST(WebhookRouting, ADescriptorIsCheckedForItsEvents) {
  const auto error_of = [](const std::string& webhook) {
    const Result<Descriptor> descriptor = parse_descriptor(
        R"({"type":"x","name":"X","resources":{"work_order":{"id":"$.id"}},"webhook":)" + webhook + "}");
    return descriptor.ok() ? std::string() : descriptor.error().message;
  };
  EXPECT_EQ(error_of(R"({"records":"$","events":{"a":[{"record":"$.a","optional":true}]}})"), "");
  EXPECT_NE(error_of(R"({"records":"$","events":{"a":[{"resource":"part"}]}})").find("unknown resource"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"records":"$","events":{"a":[]}})").find("list of records"), std::string::npos);
  EXPECT_NE(error_of(R"({"records":"$","events":{"a":[{"recrod":"$"}]}})").find("recrod"), std::string::npos);
  EXPECT_NE(error_of(R"({"records":"$","deduplicate":["time"],"events":{"a":{}}})").find("unknown word"),
            std::string::npos);
}

}  // namespace
}  // namespace cmms::provider
