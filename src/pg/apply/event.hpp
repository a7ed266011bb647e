// Events that are not written by the triggers of work_order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::pg {

struct Event {
  std::string_view event_type;
  std::string_view tenant_id;
  std::string_view provider_id;
  std::string_view resource;
  std::optional<std::string> record_id;
  std::string detail;  // JSON
};

void write_event(const Event& event);  // the row and its NOTIFY; inside an Spi scope

// NOTIFY cmms_event at commit for events that are written already, as cmms.notify_event sends it.
struct Announcement {
  std::string event_type;
  std::string_view tenant_id;
  std::string_view provider_id;
  std::int64_t records = 0;
  std::int64_t last_event_id = 0;
};
void announce_events(const Announcement& announcement);

}  // namespace cmms::pg
