// The settings of pg_cmms, all in one place. docs/settings.md explains them to the DBA.
#pragma once

#include <chrono>
#include <cstddef>

namespace cmms::pg::guc {

void define();  // once, when the library is loaded

int max_workers();      // sync workers, that is databases served at a time
int max_connections();  // open connections to providers per worker
int max_attempts();     // pushes of one change before it is rejected
std::chrono::milliseconds request_timeout();
std::chrono::milliseconds fallback_poll_interval();  // how long a worker sleeps when nothing wakes it
std::chrono::milliseconds retry_base();
std::chrono::milliseconds retry_cap();
std::size_t max_response_bytes();
std::size_t max_webhook_bytes();
std::size_t sync_log_body_bytes();
bool notify();  // listeners, of each event

}  // namespace cmms::pg::guc
