// What pushes of one record and of many share: the mapped fields on their way to the provider.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/job/job.hpp"
#include "core/job/push.hpp"
#include "core/mapping/mapping.hpp"
#include "core/provider/connection.hpp"
#include "core/result.hpp"

namespace cmms::job {

// The fields of a record by the outbound map, with what the descriptor says to leave out left out, and with
// our reference where a field carries it.
mapping::Mapped map_record(const provider::ResourceSpec& spec, const provider::ResourceMaps& maps,
                           const PushInput& input);

// Removes the problems that the descriptor answers by leaving the field out.
void drop_answered_problems(const provider::ResourceSpec& spec, PushOperation operation,
                            mapping::Mapped& mapped);

Conclusion conclude_held(const std::vector<mapping::Problem>& problems);

// Writes our mark behind the text of the field that carries it.
void add_reference(const provider::ReferenceField& field, PushOperation operation,
                   const std::string& reference, mapping::Mapped& mapped);

Result<std::string> fields_json(const std::vector<mapping::MappedField>& fields);

// The body of a request: `json`, as a member of the operation's envelope where it has one.
Result<std::string> in_envelope(const provider::Connection& connection,
                                const provider::OperationSpec& operation, std::string json);

Error no_operation_error(const provider::Connection& connection, std::string_view operation,
                         std::string_view resource);

// There is nothing to send, or a delete of what the provider never had.
Conclusion nothing_to_send(const std::string& source_record_id);
// An update needs an id at the provider.
Conclusion conclude_without_id(const provider::Connection& connection);

}  // namespace cmms::job
