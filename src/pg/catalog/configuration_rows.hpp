// What the DBA and the sync wrote into the configuration tables for one provider.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/provider/connection.hpp"

namespace cmms::pg {

// All of these connect to SPI themselves and need an active snapshot.
std::optional<std::string> read_descriptor(std::string_view provider_type);                    // JSON text
provider::Descriptor parse_descriptor(std::string_view provider_type, std::string_view text);  // raises WO006
std::string provider_type_list();  // "clickmaint, custom", for hints
std::vector<provider::FieldRow> read_field_rows(std::string_view provider_id);
std::vector<provider::ValueRow> read_value_rows(std::string_view provider_id);
int read_map_version(std::string_view provider_id);
std::vector<provider::LearntValue> read_learnt_values(std::string_view tenant_id,
                                                      std::string_view provider_id);

}  // namespace cmms::pg
