// Keeping inbound records that could not be mapped, for all kinds of records alike.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "pg/apply/apply.hpp"

namespace cmms::pg {

// One statement for all of them; inside an Spi scope.
void hold_items(const provider::Connection& connection, std::string_view resource,
                std::span<const InboundItem* const> items, std::string_view cause,
                std::int64_t webhook_event_id);

}  // namespace cmms::pg
