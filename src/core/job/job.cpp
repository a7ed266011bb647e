// The names of verdicts, as they stand in cmms.sync_log.
#include "core/job/job.hpp"

#include <array>

namespace cmms::job {

std::string_view verdict_name(Verdict verdict) {
  static constexpr std::array<std::string_view, 9> names{"synchronized", "retry",     "rejected",
                                                         "in_doubt",     "not_found", "complete",
                                                         "held",         "overtaken", "accepted"};
  return names[static_cast<std::size_t>(verdict)];
}

}  // namespace cmms::job
