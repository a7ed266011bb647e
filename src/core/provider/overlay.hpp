// The descriptor's default rules and values overlaid with the DBA's rows and with what was learnt.
#pragma once

#include <vector>

#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::provider {

// Fills inbound, outbound, owners, mapped_id, mapped_reference and the mapped part of updated_at.
Status overlay_rules(const ResourceSpec& spec, const std::vector<FieldRow>& rows,
                     const std::shared_ptr<const mapping::Environment>& environment, ResourceMaps& maps);

// Fills inbound_values and outbound_values. A vocabulary that is learnt is written by id: a hub value gets
// the id whose learnt name maps to it, unless that is ambiguous.
Status overlay_values(const ResourceSpec& spec, const std::vector<ValueRow>& rows,
                      const std::vector<LearntValue>& learnt, ResourceMaps& maps);

}  // namespace cmms::provider
