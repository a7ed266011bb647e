// A descriptor as rows for the human reader.
#include "core/provider/describe.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "provider_fixture.hpp"

namespace cmms::provider {
namespace {

const DescriptionRow* find(const std::vector<DescriptionRow>& rows, std::string_view kind,
                           std::string_view name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const DescriptionRow& row) {
    return row.kind == kind && row.name == name;
  });
  return found == rows.end() ? nullptr : &*found;
}

TEST(Describe, SaysWhatAProviderTakesAndCanDo) {
  const std::vector<DescriptionRow> rows = describe(*test::shipped_descriptor("clickmaint"));
  const DescriptionRow* page_size = find(rows, "option", "page_size");
  ASSERT_NE(page_size, nullptr);
  EXPECT_EQ(page_size->required, false);
  EXPECT_EQ(page_size->default_value, "50");
  EXPECT_EQ(page_size->allowed, "integer, 1 to 1000");
  EXPECT_EQ(find(rows, "option", "update_method")->allowed, "PATCH, PUT");
  EXPECT_EQ(find(rows, "credential", "api_key")->required, true);
  EXPECT_EQ(find(rows, "authentication", "header")->description,
            "name Authorization, value Bearer {api_key}");
  EXPECT_EQ(find(rows, "resource", "work_order")->description,
            "create, update, delete, read, list, poll, look up");
  EXPECT_EQ(find(rows, "action", "create")->description, "POST {work_order_path}; body inside work_order");
  EXPECT_EQ(find(rows, "action", "poll")->description,
            "list with ?filter[updated_at_gteq]={cursor}&sort=updated_at asc");
  const DescriptionRow* priority = find(rows, "parameter", "priority");
  EXPECT_EQ(priority->allowed, "high, low, medium, none");
  EXPECT_EQ(priority->description, "from priority; map priority");
  EXPECT_EQ(find(rows, "parameter", "type")->default_value, R"("reactive")");
  EXPECT_EQ(find(rows, "field", "asset_ref")->description, "from asset.id; string");
  EXPECT_NE(find(rows, "event", "work_order.closed"), nullptr);
}

TEST(Describe, LeavesOutWhatAProviderCannotDo) {
  const auto descriptor = parse_descriptor(R"({"type": "t", "name": "T", "resources": {"asset": {"id": "$.id",
      "aliases": {"EQUNR": "Equipment", "TPLNR": {"inbound": "Place"}}}}})");
  ASSERT_TRUE(descriptor.ok()) << descriptor.error().message;
  const std::vector<DescriptionRow> rows = describe(descriptor.value());
  EXPECT_EQ(find(rows, "resource", "asset")->description, "");
  EXPECT_TRUE(std::none_of(rows.begin(), rows.end(), [](const auto& row) { return row.kind == "action"; }));
  EXPECT_EQ(find(rows, "alias", "EQUNR")->description, "stands for Equipment");
  EXPECT_EQ(find(rows, "alias", "TPLNR")->description, "inbound Place");
}

TEST(Describe, SaysWhatARequestNeedsBesides) {
  const std::vector<DescriptionRow> rows = describe(*test::shipped_descriptor("sap_pm"));
  EXPECT_EQ(find(rows, "session", "csrf")->description, "path {service_path}/");
  EXPECT_EQ(
      find(rows, "action", "companion")->description,
      "a notification first, where \"{notification_type}\" has a value; named in MaintenanceNotification");
  EXPECT_EQ(find(rows, "action", "look up")->resource, "notification");
  EXPECT_TRUE(find(rows, "action", "create")->description.ends_with("; session of {notification_path}/"));
  EXPECT_TRUE(find(rows, "parameter", "to_MaintenanceOrderLongText")
                  ->description.ends_with("; where \"{long_text_object_type}\" has a value"));
}

TEST(Describe, SaysWhatLeavesTogether) {
  const std::vector<DescriptionRow> rows = describe(*test::shipped_descriptor("mobility_work"));
  EXPECT_EQ(find(rows, "action", "stock")->description,
            "update of stock_quantity: POST {api_path}/spare-parts/physical-recount/bulk; up to {bulk_size} "
            "at once");
  EXPECT_EQ(find(rows, "action", "delete")->description.substr(0, 13), "unsupported: ");
  EXPECT_NE(find(rows, "signature", "path_secret"), nullptr);
  EXPECT_EQ(find(rows, "session", "csrf"), nullptr);
}

}  // namespace
}  // namespace cmms::provider
