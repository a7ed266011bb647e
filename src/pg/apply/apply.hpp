// What came from a provider becomes rows: each record is mapped in the core and applied to its table.
// Webhooks, poll pages and reprocessing go through here and through nothing else.
#pragma once

#include "pg/prelude.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.hpp"
#include "core/mapping/mapping.hpp"
#include "core/provider/connection.hpp"
#include "core/provider/inbound.hpp"
#include "pg/boundary/guard.hpp"

extern "C" {
#include "utils/uuid.h"
}

namespace cmms::pg {

struct Applied {
  std::string outcome;                            // created, updated, adopted, unchanged, stale, held
  std::optional<pg_uuid_t> common_work_order_id;  // none when the record is held, or no order
  std::string detail;                             // why, for a person; may be empty
};

// A record that was mapped already, as webhooks are: the event itself says some of the fields.
struct InboundItem {
  json::Value document;
  provider::InboundRecord inbound;
};

// One entry per record, in the order of `records`. `cause`: 'webhook', 'poll', 'lookup', 'reprocess'.
// Runs in the caller's transaction and sets the change origin to 'provider'. A record that has no mapping is
// held and counted; an error of the database (a constraint, a date out of range) is raised: callers isolate
// it by in_subtransaction. `asked_at`: when the request for them left, for what we have asked for. An order
// about which something was recorded since then is not changed by them, but read anew.
using AskedAt = std::optional<std::chrono::system_clock::time_point>;
std::vector<Applied> apply_records(const provider::Connection& connection, std::string_view resource,
                                   std::span<const json::Value> records, std::string_view cause,
                                   AskedAt asked_at = std::nullopt);
std::vector<Applied> apply_inbound(const provider::Connection& connection, std::string_view resource,
                                   std::span<const InboundItem> items, std::string_view cause,
                                   std::int64_t webhook_event_id = 0,  // the delivery they came with; 0: none
                                   AskedAt asked_at = std::nullopt);

// An error of the database for a person, without the copy of the whole row that constraint violations carry.
std::string error_text(const CapturedError& error);

std::string problems_text(std::span<const mapping::Problem> problems);  // their messages, for a person

}  // namespace cmms::pg
