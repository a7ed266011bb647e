// The only user of libcurl: many HTTP exchanges at once, driven by one epoll descriptor, without PostgreSQL
// and without threads. The owner waits for poll_fd() to become readable or for timeout() to pass, then calls
// drive() and takes what has finished.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/error.hpp"
#include "core/exchange/message.hpp"

namespace cmms::http {

struct Limits {
  std::size_t max_connections = 256;  // open at once, idle ones included; what is beyond waits in order
  std::size_t max_header_bytes = 1U << 18U;  // of one response
};

struct Finished {
  std::uint64_t id = 0;
  Outcome outcome;
};

// None of the members throws anything but std::bad_alloc. The process must ignore SIGPIPE (PostgreSQL's
// processes do). One thread only.
class Transport {
 public:
  explicit Transport(Limits limits = {});
  ~Transport();  // ends what is under way; nothing is reported for it
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  Transport(Transport&&) = delete;
  Transport& operator=(Transport&&) = delete;

  // Set when libcurl or epoll could not be initialised; every submit() then finishes at once as not sent.
  const std::optional<Error>& failure() const;

  int poll_fd() const;  // an epoll descriptor, readable when drive() has something to do

  // Never fails: what cannot be sent (bad URL, line break in a header) finishes as not sent. The time-outs
  // start when the exchange gets its connection slot, not while it waits in the queue. Ids are never reused.
  std::uint64_t submit(Request request);
  void cancel(std::uint64_t id);  // no Finished is handed out for it any more; unknown ids are ignored

  // How long the owner may wait at most before it calls drive(); nothing: until poll_fd() is readable.
  std::optional<std::chrono::milliseconds> timeout() const;
  void drive();  // never blocks
  std::vector<Finished> take_finished();

  std::size_t active() const;  // exchanges on a connection
  std::size_t queued() const;  // exchanges that wait for one

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace cmms::http
