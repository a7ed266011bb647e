#include "pg/worker/dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "core/provider/request.hpp"

namespace cmms::pg {
namespace {

// Room for a secret that would otherwise be cut in two and so not be recognised when the trace is masked.
constexpr std::size_t trace_margin = 4096;

// A circuit that is not closed lets one task try; others that are in the middle of several requests go on
// when the rate limit allows it.
bool may_send(const Task& task, SystemTime now) {
  const ProviderChannel& channel = *task.channel;
  if (channel.sending >= task.connection->max_concurrency() || !channel.sends_now(now)) return false;
  switch (channel.circuit.state()) {
    case Circuit::State::closed:
      return true;
    case Circuit::State::open:
      return now >= channel.circuit.retry_at();
    case Circuit::State::half_open:
      return task.has_sent;
  }
  return false;
}

// Of a provider that was switched off only those requests are finished that a single change takes: a poll
// could go on for hours.
bool is_stopped(const Task& task) {
  return !task.channel->is_active && (task.kind == TaskKind::poll || !task.has_sent);
}

void shorten(std::optional<std::chrono::milliseconds>& timeout, SystemTime until, SystemTime now) {
  const auto wait =
      std::max(std::chrono::ceil<std::chrono::milliseconds>(until - now), std::chrono::milliseconds(0));
  if (!timeout || wait < *timeout) timeout = wait;
}

}  // namespace

Dispatcher::Dispatcher(std::size_t max_connections)
    : transport_(http::Limits{.max_connections = max_connections}) {}

std::optional<std::chrono::milliseconds> Dispatcher::timeout(SystemTime now) const {
  std::optional<std::chrono::milliseconds> timeout = transport_.timeout();
  for (const TaskPointer& task : waiting_) {
    const ProviderChannel& channel = *task->channel;
    // The end of another request is what lets these go on.
    if (channel.sending >= task->connection->max_concurrency()) continue;
    if (channel.circuit.state() == Circuit::State::half_open && !task->has_sent) continue;
    SystemTime until = channel.rate_limit.next_allowed(now);
    if (const auto opens_at = channel.circuit.opens_at(now)) until = std::max(until, *opens_at);
    shorten(timeout, until, now);
  }
  return timeout;
}

void Dispatcher::start(TaskPointer task) {
  job::Step step = task->job->start();
  advance(std::move(task), std::move(step));
}

void Dispatcher::resume(TaskPointer task) {
  task->page.reset();
  job::Step step = task->job->on_recorded();
  advance(std::move(task), std::move(step));
}

void Dispatcher::advance(TaskPointer task, job::Step step) {
  if (auto* request = std::get_if<Request>(&step)) {
    task->request = std::move(*request);
    // What has begun is finished first, and a poll takes the next free slot however many pushes wait.
    if (task->has_sent || task->kind == TaskKind::poll) {
      waiting_.push_front(std::move(task));
    } else {
      waiting_.push_back(std::move(task));
    }
  } else if (auto* page = std::get_if<job::Page>(&step)) {
    task->page = std::move(*page);
    pages_.push_back(std::move(task));
  } else {
    task->conclusion = std::move(std::get<job::Conclusion>(step));
    finished_.push_back(std::move(task));
  }
}

void Dispatcher::send_waiting(SystemTime now) {
  std::deque<TaskPointer> still_waiting;
  for (TaskPointer& task : waiting_) {
    if (is_stopped(*task) || !may_send(*task, now)) {
      still_waiting.push_back(std::move(task));
      continue;
    }
    ProviderChannel& channel = *task->channel;
    channel.rate_limit.take(now);
    channel.circuit.on_sent(now);
    ++channel.sending;
    task->has_sent = true;
    task->sent_at = now;
    task->request->timeout = std::min(task->request->timeout, settings_.longest_timeout);
    task->request->max_response_bytes = settings_.max_response_bytes;
    trace_request(task->trace, *task->request);
    const std::uint64_t id = transport_.submit(std::move(*task->request));
    task->request.reset();
    running_.emplace(id, std::move(task));
  }
  waiting_ = std::move(still_waiting);
}

void Dispatcher::drive(SystemTime now) {
  transport_.drive();
  for (http::Finished& finished : transport_.take_finished()) {
    const auto found = running_.find(finished.id);
    if (found == running_.end()) continue;
    TaskPointer task = std::move(found->second);
    running_.erase(found);
    --task->channel->sending;
    task->channel->note_answer(finished.outcome.duration);
    const rate_limit::Observation limits =
        provider::read_limits(*task->connection, finished.outcome.response, now);
    if (!limits.empty()) {
      task->channel->rate_limit.observe(limits, now);
      task->channel->state_is_dirty = true;
    }
    trace_outcome(task->trace, finished.outcome);
    job::Step step = task->job->on_outcome(finished.outcome);
    advance(std::move(task), std::move(step));
  }
}

std::vector<TaskPointer> Dispatcher::take_finished() { return std::exchange(finished_, {}); }

std::vector<TaskPointer> Dispatcher::take_pages() { return std::exchange(pages_, {}); }

std::vector<TaskPointer> Dispatcher::take_unsent() {
  std::vector<TaskPointer> unsent;
  std::deque<TaskPointer> still_waiting;
  for (TaskPointer& task : waiting_) {
    const ProviderChannel& channel = *task->channel;
    const bool may_go_on =
        channel.circuit.state() == Circuit::State::closed || task->has_sent || task->kind == TaskKind::poll;
    if (may_go_on && !is_stopped(*task)) {
      still_waiting.push_back(std::move(task));
    } else {
      unsent.push_back(std::move(task));
    }
  }
  waiting_ = std::move(still_waiting);
  return unsent;
}

void Dispatcher::trace_request(ExchangeTrace& trace, const Request& request) const {
  trace = ExchangeTrace{};
  trace.was_sent = true;
  trace.method = request.method;
  trace.url = request.url;
  if (settings_.trace_bytes > 0)
    trace.request_body = request.body.substr(0, settings_.trace_bytes + trace_margin);
}

void Dispatcher::trace_outcome(ExchangeTrace& trace, const Outcome& outcome) const {
  trace.http_status = outcome.response.status;
  trace.error = outcome.error;
  trace.duration = outcome.duration;
  if (settings_.trace_bytes > 0)
    trace.response_body = outcome.response.body.substr(0, settings_.trace_bytes + trace_margin);
}

}  // namespace cmms::pg
