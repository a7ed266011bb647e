#include "pg/worker/wait_set.hpp"

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

bool WaitSet::wait(std::chrono::milliseconds timeout) {
  return pg_call([&] {
    WaitEvent events[event_count];
    const int count =
        WaitEventSetWait(set_, static_cast<long>(timeout.count()), events, event_count, PG_WAIT_EXTENSION);
    bool is_latched = false;
    for (int i = 0; i < count; ++i) is_latched = is_latched || (events[i].events & WL_LATCH_SET) != 0;
    if (is_latched) ResetLatch(MyLatch);
    return is_latched;
  });
}

}  // namespace cmms::pg
