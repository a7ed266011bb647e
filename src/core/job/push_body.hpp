// What a push says of a record: its fields by the outbound map, our reference in them, and the body of the
// request.
#pragma once

#include <string>

#include "core/job/push.hpp"
#include "core/mapping/mapping.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

// With what the descriptor says to leave out left out, and with our reference where a field carries it.
mapping::Mapped map_record(const provider::ResourceSpec& spec, const provider::ResourceMaps& maps,
                           const PushInput& input);

Conclusion conclude_held(const std::vector<mapping::Problem>& problems);

Result<std::string> make_body(const provider::Connection& connection,
                              const provider::OperationSpec& operation, const mapping::Mapped& mapped);

}  // namespace cmms::job
