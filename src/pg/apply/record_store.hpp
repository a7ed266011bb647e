// Applying a provider's news of assets, parts, persons, part transactions and comments: a batch of them is
// one statement, made by cmms.record_news_statement from the table's columns.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pg/apply/apply.hpp"

namespace cmms::pg {

bool has_record_table(
    std::string_view resource);  // whether cmms has such a table; work_order is not among them

// As apply_inbound(), which calls it, inside an Spi scope and with the change origin 'provider'.
std::vector<Applied> apply_record_news(const provider::Connection& connection,
                                       const provider::ResourceMaps& maps, std::string_view resource,
                                       std::span<const InboundItem> items, std::string_view cause,
                                       std::int64_t webhook_event_id);

}  // namespace cmms::pg
