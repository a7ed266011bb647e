#include "core/retry/retry.hpp"

#include <algorithm>

namespace cmms::retry {

double Random::unit() {
  state_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
  mixed ^= mixed >> 31U;
  constexpr double two_to_minus_53 = 0x1.0p-53;  // a double holds 53 bits exactly
  return static_cast<double>(mixed >> 11U) * two_to_minus_53;
}

std::chrono::milliseconds backoff(int attempt, const Policy& policy, Random& random) {
  const double cap = static_cast<double>(std::max<std::int64_t>(policy.cap.count(), 0));
  double delay = static_cast<double>(std::max<std::int64_t>(policy.base.count(), 0));
  for (int doubled = 1; doubled < attempt && delay < cap && delay > 0; ++doubled) delay *= 2;
  delay = std::min(delay, cap);
  delay *= 1 - std::clamp(policy.jitter, 0.0, 1.0) * random.unit();
  return std::chrono::milliseconds(static_cast<std::int64_t>(delay));
}

}  // namespace cmms::retry
