#include "pg/worker/wait_set.hpp"

#include <algorithm>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/versions.hpp"

namespace cmms::pg {
namespace {

constexpr int event_count = 3;

WaitEventSet* create(int poll_fd) {
  WaitEventSet* set = create_wait_event_set(event_count);
  AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
  AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
  AddWaitEventToSet(set, WL_SOCKET_READABLE, poll_fd, nullptr, nullptr);
  return set;
}

}  // namespace

WaitSet::WaitSet(int poll_fd) : set_(pg_call([&] { return create(poll_fd); })) {}

void WaitSet::wait(std::chrono::milliseconds timeout) {
  pg_call([&] {
    WaitEvent events[event_count];
    const int count =
        WaitEventSetWait(set_, static_cast<long>(timeout.count()), events, event_count, PG_WAIT_EXTENSION);
    const bool is_latched = std::any_of(events, events + count,
                                        [](const WaitEvent& event) { return event.events & WL_LATCH_SET; });
    if (is_latched) ResetLatch(MyLatch);
  });
}

}  // namespace cmms::pg
