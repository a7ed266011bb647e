#include "pg/worker/clock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace cmms::pg {

namespace {

using Duration = SystemTime::duration;

Duration offset = Duration::min();  // of the planning time from the steady clock
Duration lead{};

}  // namespace

SystemTime planning_time() {
  const auto steady =
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  const Duration current = std::chrono::system_clock::now().time_since_epoch() - steady;
  offset = std::max(offset, current);
  lead = offset - current;
  return SystemTime(steady + offset);
}

SystemTime::duration planning_lead() { return lead; }

std::string timestamp_text(SystemTime planned) {
  using namespace std::chrono;
  const SystemTime time = planned - lead;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<microseconds>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

}  // namespace cmms::pg
