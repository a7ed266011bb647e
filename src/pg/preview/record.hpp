// Previews of records beside work orders: their application is tried, and taken back.
#pragma once

#include <string_view>
#include <vector>

#include "core/provider/connection.hpp"
#include "pg/apply/apply.hpp"
#include "pg/preview/preview_row.hpp"

namespace cmms::pg {

std::vector<PreviewRow> preview_record(const provider::Connection& connection,
                                       const provider::ResourceMaps& maps, std::string_view resource,
                                       const InboundItem& item);

}  // namespace cmms::pg
