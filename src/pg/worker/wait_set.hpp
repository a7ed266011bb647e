// The one wait of the sync worker: its latch, the postmaster's death and the sockets of its requests.
#pragma once

#include "pg/prelude.hpp"

#include <chrono>

namespace cmms::pg {

class WaitSet {
 public:
  explicit WaitSet(int poll_fd);  // a descriptor that is readable when there is something to do

  // Returns early when the latch is set, which it resets, or the descriptor is readable.
  void wait(std::chrono::milliseconds timeout);

 private:
  WaitEventSet* set_;  // lives as long as the process
};

}  // namespace cmms::pg
