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
  if (channel.taken_slots() >= task.connection->max_concurrency() || !channel.sends_now(now)) return false;
  const std::optional<SystemTime> ready_at = task.exchange->ready_at(now);
  if (!ready_at || *ready_at > now) return false;
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
    if (channel.taken_slots() >= task->connection->max_concurrency()) continue;
    if (channel.circuit.state() == Circuit::State::half_open && !task->has_sent) continue;
    const std::optional<SystemTime> ready_at = task->exchange->ready_at(now);
    if (!ready_at) continue;
    SystemTime until = std::max(channel.rate_limit->next_allowed(now), *ready_at);
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
    task->exchange.emplace(task->connection, std::move(*request));
    wait(std::move(task));
  } else if (auto* page = std::get_if<job::Page>(&step)) {
    task->page = std::move(*page);
    pages_.push_back(std::move(task));
  } else {
    task->conclusion = std::move(std::get<job::Conclusion>(step));
    finished_.push_back(std::move(task));
  }
}

// What has begun is finished first, and a poll takes the next free slot however many pushes wait.
void Dispatcher::wait(TaskPointer task) {
  if (task->has_sent || task->kind == TaskKind::poll) {
    waiting_.push_front(std::move(task));
  } else {
    waiting_.push_back(std::move(task));
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
    channel.rate_limit->take(now);
    channel.circuit.on_sent(now);
    ++channel.sending;
    task->has_sent = true;
    task->sent_at = now;
    Request request = task->exchange->next(now);
    request.timeout = std::min(request.timeout, settings_.longest_timeout);
    request.max_response_bytes = settings_.max_response_bytes;
    trace_request(*task, request);
    const std::uint64_t id = transport_.submit(std::move(request));
    sent_[&channel].push_back({id, channel.answers});
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
    ProviderChannel& channel = *task->channel;
    --channel.sending;
    if (std::exchange(task->is_overtaken, false)) --channel.overtaken;
    if (finished.outcome.response.status != 0) channel.note_answer(finished.outcome.duration);
    note_overtaken(channel);
    take_outcome(std::move(task), std::move(finished.outcome), now);
  }
}

// In the order in which they were sent; those that are done are forgotten on the way.
void Dispatcher::note_overtaken(ProviderChannel& channel) {
  const auto found = sent_.find(&channel);
  if (found == sent_.end()) return;
  std::deque<Sent>& sent = found->second;
  while (!sent.empty()) {
    const auto running = running_.find(sent.front().id);
    if (running != running_.end()) {
      if (!channel.is_overtaken(sent.front().answers)) return;
      running->second->is_overtaken = true;
      ++channel.overtaken;
    }
    sent.pop_front();
  }
  sent_.erase(found);
}

void Dispatcher::take_outcome(TaskPointer task, Outcome outcome, SystemTime now) {
  trace_outcome(*task, outcome);
  // A token endpoint's pace and quota are not those of the provider.
  if (!task->exchange->is_preparing()) note_answer(*task, outcome, now);
  const std::optional<Outcome> result = task->exchange->on_outcome(std::move(outcome), now);
  if (!result) return wait(std::move(task));
  job::Step step = task->job->on_outcome(*result);
  advance(std::move(task), std::move(step));
}

void Dispatcher::note_answer(const Task& task, const Outcome& outcome, SystemTime now) {
  const rate_limit::Observation limits = provider::read_limits(*task.connection, outcome.response, now);
  if (limits.empty()) return;
  task.channel->rate_limit->observe(limits, now);
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

// The bodies of a preparation are secrets.
bool Dispatcher::traces_bodies(const Task& task) const {
  return settings_.trace_bytes > 0 && !task.exchange->is_preparing();
}

void Dispatcher::trace_request(Task& task, const Request& request) const {
  task.trace = ExchangeTrace{};
  task.trace.was_sent = true;
  task.trace.method = request.method;
  task.trace.url = request.url;
  if (traces_bodies(task)) {
    task.trace.request_body = request.body.substr(0, settings_.trace_bytes + trace_margin);
  }
}

void Dispatcher::trace_outcome(Task& task, const Outcome& outcome) const {
  task.trace.http_status = outcome.response.status;
  task.trace.error = outcome.error;
  task.trace.duration = outcome.duration;
  if (traces_bodies(task)) {
    task.trace.response_body = outcome.response.body.substr(0, settings_.trace_bytes + trace_margin);
  }
}

}  // namespace cmms::pg
