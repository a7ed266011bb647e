// Tasks of many rows: made from claimed rows that leave in one request, and taken apart when that has ended,
// so that each row is recorded like any other.
#pragma once

#include "pg/prelude.hpp"

#include <memory>
#include <vector>

#include "pg/worker/task.hpp"

namespace cmms::pg {

struct BulkParts {
  std::vector<TaskPointer> finished;  // of one row each, with their conclusions
  std::vector<TaskPointer> ready;     // of many rows, to be started
};

bool is_bulk_lane(const ProviderChannel& channel, std::string_view resource);
// Whether a create whose outcome is unknown may simply be sent again.
bool is_repeatable_create(const ProviderChannel& channel, const store::ClaimedRow& row);

// Rows of one resource and operation.
BulkParts make_bulk(const std::shared_ptr<ProviderChannel>& channel, std::vector<store::ClaimedRow> rows);

// After the conclusion of its job. The task itself then stands for the request as a whole.
BulkParts take_apart(Task& bulk);

// The rows of a task that never left, as tasks of their own.
std::vector<TaskPointer> unsent_members(Task& bulk);

}  // namespace cmms::pg
