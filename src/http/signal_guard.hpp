// Keeps signals away from threads that libcurl starts: its resolver threads inherit the mask of the moment,
// and PostgreSQL's signal handlers must run in the main thread only.
#pragma once

#include <pthread.h>

#include <csignal>

namespace cmms::http {

class SignalGuard {
 public:
  SignalGuard() {
    sigset_t blocked;
    sigfillset(&blocked);
    // Blocking those that report a fault of the thread itself would only lose the report.
    for (const int fault : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP})
      sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &previous_);
  }
  ~SignalGuard() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  SignalGuard(SignalGuard&&) = delete;
  SignalGuard& operator=(SignalGuard&&) = delete;

 private:
  sigset_t previous_{};
};

}  // namespace cmms::http
