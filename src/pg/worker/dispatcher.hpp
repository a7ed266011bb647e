// Carries tasks through their exchanges: asks jobs for requests, lets them leave as circuit and rate limit
// allow, feeds the answers back. Does no SQL; what must be recorded is handed out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "http/transport.hpp"
#include "pg/worker/task.hpp"

namespace cmms::pg {

class Dispatcher {
 public:
  struct Settings {
    std::chrono::milliseconds longest_timeout{30'000};  // of one request, whatever its provider's option says
    std::size_t max_response_bytes = 16U << 20U;
    std::size_t trace_bytes = 4096;  // how much of the bodies is kept for the log; 0: nothing
  };

  explicit Dispatcher(std::size_t max_connections);

  void configure(const Settings& settings) { settings_ = settings; }
  const std::optional<Error>& failure() const { return transport_.failure(); }
  int poll_fd() const { return transport_.poll_fd(); }
  // When drive() or send_waiting() has something to do at the latest; nothing: when poll_fd() is readable.
  std::optional<std::chrono::milliseconds> timeout(SystemTime now) const;

  void start(TaskPointer task);
  void resume(TaskPointer task);                                           // its page has been recorded
  void finish(TaskPointer task) { finished_.push_back(std::move(task)); }  // concluded without its job
  void send_waiting(SystemTime now);
  void drive(SystemTime now);

  std::vector<TaskPointer> take_finished();
  std::vector<TaskPointer> take_pages();
  // Tasks that have sent nothing and may not do so now: their claims are given back.
  std::vector<TaskPointer> take_unsent();

  bool has_results() const { return !finished_.empty() || !pages_.empty(); }
  std::size_t in_flight() const { return running_.size(); }
  bool is_idle() const { return running_.empty() && waiting_.empty(); }

 private:
  void advance(TaskPointer task, job::Step step);
  void wait(TaskPointer task);
  void take_outcome(TaskPointer task, Outcome outcome, SystemTime now);
  void note_overtaken(ProviderChannel& channel);
  static void note_answer(const Task& task, const Outcome& outcome, SystemTime now);
  bool traces_bodies(const Task& task) const;
  void trace_request(Task& task, const Request& request) const;
  void trace_outcome(Task& task, const Outcome& outcome) const;

  struct Sent {
    std::uint64_t id;
    std::uint64_t answers;  // that its provider had given by then
  };

  http::Transport transport_;
  Settings settings_;
  std::unordered_map<const ProviderChannel*, std::deque<Sent>> sent_;  // oldest first
  std::unordered_map<std::uint64_t, TaskPointer> running_;
  std::deque<TaskPointer> waiting_;
  std::vector<TaskPointer> finished_;
  std::vector<TaskPointer> pages_;
};

}  // namespace cmms::pg
