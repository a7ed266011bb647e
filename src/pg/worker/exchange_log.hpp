// A task's last exchange as cmms.sync_log keeps it: masked, clipped, and always valid JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pg/store/sync_log.hpp"
#include "pg/worker/task.hpp"

namespace cmms::pg {

// Everything but direction-specific columns is filled in; `outcome` as in cmms.sync_log.
store::SyncLogRow log_row(const Task& task, std::string_view outcome, std::size_t body_bytes);

// Without the credentials of the task's connection.
std::string masked(const Task& task, std::string text);

// The error of a conclusion in one line, masked; empty when there is none.
std::string error_text(const Task& task);

}  // namespace cmms::pg
