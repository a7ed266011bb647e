// What was held goes through the maps once more: after a value was mapped, or because somebody asks for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cmms::pg {

struct HeldRecord {
  std::string tenant_id;
  std::int64_t held_record_id = 0;
  std::string provider_id;
  std::string resource;          // of direction 'row': the map's name
  std::string direction;         // inbound, outbound, row
  std::string source_record_id;  // may be empty
  std::int64_t webhook_event_id = 0;
};

HeldRecord require_held_record(std::string_view tenant_id, std::int64_t held_record_id);  // raises P0002

// The outcome: 'held' when it still cannot be mapped; otherwise what became of it, and it is held no longer.
// Errors of the database are raised.
std::string reprocess(const HeldRecord& held);

}  // namespace cmms::pg
