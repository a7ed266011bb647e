// How long to wait before an attempt is repeated: exponential, capped, spread by jitter.
#pragma once

#include <chrono>
#include <cstdint>

namespace cmms::retry {

struct Policy {
  std::chrono::milliseconds base{1'000};
  std::chrono::milliseconds cap{300'000};
  double jitter = 0.5;  // share of the delay that is random: 0 none, 1 all of it
};

// A small generator of its own (splitmix64): reproducible in tests, nothing shared between threads.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double unit();  // uniform in [0, 1)

 private:
  std::uint64_t state_;
};

// `attempt` counts from 1 and is the attempt that has just failed.
std::chrono::milliseconds backoff(int attempt, const Policy& policy, Random& random);

}  // namespace cmms::retry
