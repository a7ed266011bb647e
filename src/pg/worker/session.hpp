// The sync worker's place in its database: its entry in shared memory, its transactions, and the conditions
// under which it has to leave.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/worker/shared_state.hpp"
#include "pg/worker/wake.hpp"

namespace cmms::pg {

class Session {
 public:
  explicit Session(const WorkerTicket& ticket) : ticket_(ticket) {}

  // Connects to the database. False: the launcher no longer expects this worker.
  bool begin();

  // Runs `body` in a transaction with SPI connected, unless pg_cmms is gone by now. What the body claims or
  // records is committed when this returns without an error.
  template <class Body>
  [[nodiscard]] std::optional<CapturedError> transaction(const char* activity, Body&& body) {
    pgstat_report_activity(STATE_RUNNING, activity);
    is_checked_ = true;
    return in_transaction([&] {
      require_extension();
      const Spi spi;
      body();
    });
  }

  // Whether this library can work with the schema that is installed; if not, waits until another one is.
  bool knows_schema() const;
  void wait_for_another_schema();
  void report_older_schema() const;

  // Set once the worker has to end. No transaction succeeds any more.
  const std::optional<ExitReason>& leave() const { return leave_; }
  [[noreturn]] void end();

  // Makes sure that the extension is still there, unless a transaction has seen to it since the last call.
  void check();

  void reload();  // the configuration files

  // For what commits have asked for attention since the last call. News of other queues than the wanted ones
  // stay where they are, and no commit wakes the worker for more of them.
  bool has_wakes(WakeReasons wanted_queues) const;
  WakeReasons take_wakes(WakeReasons wanted_queues);
  void become_healthy();

  // Somebody wants the database without any session in it: DROP DATABASE, or CREATE DATABASE with it as
  // template.
  void make_way_if_asked();

  // Advances when rows of cmms.provider have changed.
  static std::uint64_t provider_generation();

 private:
  bool attach();
  void require_extension();
  void report_unknown_schema() const;

  WorkerTicket ticket_;
  Oid extension_ = InvalidOid;
  std::string version_;  // of the schema
  std::optional<ExitReason> leave_;
  bool is_checked_ = false;
};

}  // namespace cmms::pg
