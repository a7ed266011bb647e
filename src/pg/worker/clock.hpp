// Times as SQL wants them.
#pragma once

#include <chrono>
#include <string>

#include "core/exchange/http_date.hpp"

namespace cmms::pg {

// "2026-03-01T12:00:00.000000Z"
std::string timestamp_text(SystemTime time);

inline double seconds_between(SystemTime from, SystemTime to) {
  return std::chrono::duration<double>(to - from).count();
}

inline SystemTime after_seconds(SystemTime now, double seconds) {
  return now + std::chrono::duration_cast<SystemTime::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace cmms::pg
