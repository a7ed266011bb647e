#include "pg/prelude.hpp"

#include "pg/store/uuid.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "pg/boundary/guard.hpp"

namespace cmms::pg::store {
namespace {

constexpr std::uint64_t ticks_per_millisecond =
    4096;  // what the 12 bits beside the milliseconds can tell apart

std::uint64_t tick_of_now() {
  using std::chrono::microseconds;
  const auto now = std::chrono::floor<microseconds>(std::chrono::system_clock::now().time_since_epoch());
  const auto count = static_cast<std::uint64_t>(now.count());
  return count / 1000 * ticks_per_millisecond + count % 1000 * ticks_per_millisecond / 1000;
}

// The first eight bytes: 48 bits of milliseconds, the version, 12 bits of ticks.
void set_time(pg_uuid_t& id, std::uint64_t tick) {
  const std::uint64_t time = tick / ticks_per_millisecond << 16U | 0x7000U | tick % ticks_per_millisecond;
  for (unsigned int byte = 0; byte < 8; ++byte) {
    id.data[byte] = static_cast<unsigned char>(time >> (56 - 8 * byte));
  }
}

}  // namespace

std::vector<pg_uuid_t> new_uuids(std::size_t count) {
  static std::uint64_t latest = 0;  // a clock that is set back does not make ids go back
  std::vector<pg_uuid_t> ids(count);
  if (!pg_strong_random(ids.data(), count * sizeof(pg_uuid_t))) {
    raise(ERRCODE_INTERNAL_ERROR, "no random numbers are available");
  }
  latest = std::max(latest, tick_of_now());
  for (pg_uuid_t& id : ids) {
    set_time(id, ++latest);
    id.data[8] = static_cast<unsigned char>((id.data[8] & 0x3FU) | 0x80U);
  }
  return ids;
}

}  // namespace cmms::pg::store
