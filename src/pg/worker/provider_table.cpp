#include "pg/worker/provider_table.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "pg/catalog/connection_cache.hpp"
#include "pg/store/poll_cursor.hpp"
#include "pg/store/provider.hpp"
#include "pg/store/record_table.hpp"
#include "pg/worker/clock.hpp"

namespace cmms::pg {
namespace {

using namespace std::chrono_literals;

constexpr auto file_check_interval = 5s;
constexpr auto trouble_interval = 30s;  // a missing secret's file may have appeared
constexpr auto state_save_interval = 1s;

std::optional<std::string> unless_empty(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

std::optional<std::string> text_of(const std::optional<SystemTime>& time) {
  if (!time) return std::nullopt;
  return timestamp_text(*time);
}

// Worth a word to the person who looks: another reason, or one and the same that has moved on.
bool has_unsaved_reason(const ProviderChannel& channel, SystemTime now) {
  const ProviderChannel::Waiting waiting = channel.waiting(now);
  const ProviderChannel::Waiting& saved = channel.saved_waiting;
  if (waiting.reason != saved.reason) return true;
  return waiting.until && (!saved.until || *waiting.until - *saved.until >= state_save_interval);
}

bool is_unsaved(const ProviderChannel& channel, SystemTime now) {
  return channel.state_is_urgent || channel.state_is_dirty ||
         channel.saved_limit_changes != channel.rate_limit->changes() || has_unsaved_reason(channel, now);
}

store::ProviderStateRow state_row(const ProviderChannel& channel, const ProviderChannel::Waiting& waiting) {
  store::ProviderStateRow row;
  row.provider_id = channel.provider_id;
  row.circuit = channel.circuit.state_name();
  row.consecutive_failures = channel.circuit.failures();
  // A trial that is under way when the worker ends is due at once for the next.
  row.next_attempt_at = channel.circuit.state() == Circuit::State::half_open
                            ? timestamp_text(channel.circuit.retry_at())
                            : text_of(waiting.until);
  row.waiting_for = unless_empty(std::string(waiting.reason));
  row.rate_limit_limit = channel.rate_limit->limit();
  row.rate_limit_remaining = channel.rate_limit->remaining();
  row.rate_limit_reset_at = text_of(channel.rate_limit->reset_at());
  row.last_success_at = text_of(channel.last_success_at);
  row.last_error = unless_empty(channel.last_error);
  row.last_error_class = unless_empty(channel.last_error_class);
  row.last_error_at = text_of(channel.last_error_at);
  return row;
}

// As an earlier worker left it: what the provider asked for is still in force.
void restore(ProviderChannel& channel, const store::ProviderRow& row, SystemTime now) {
  if (row.was_asked_to_pause && row.seconds_to_next_attempt > 0) {
    channel.rate_limit->pause_until(after_seconds(now, row.seconds_to_next_attempt));
  }
  if (row.circuit != "closed") {
    channel.circuit.restore(row.consecutive_failures,
                            after_seconds(now, std::max(row.seconds_to_next_attempt, 0.0)));
  }
  if (row.rate_limit_remaining && row.seconds_to_reset > 0) {
    channel.rate_limit->observe(
        {row.rate_limit_limit, row.rate_limit_remaining, after_seconds(now, row.seconds_to_reset)}, now);
  }
}

// Of the resources that the provider has. Work orders are always among them: they are queued whatever it
// takes.
void update_lanes(ProviderChannel& channel) {
  std::map<std::string, Lane, std::less<>> lanes;
  for (const store::RecordTable& table : store::record_tables) {
    const provider::ResourceMaps* maps = channel.connection->maps(table.resource);
    if (maps == nullptr && table.resource != "work_order") continue;
    const auto known = channel.lanes.find(table.resource);
    Lane lane = known == channel.lanes.end() ? Lane() : std::move(known->second);
    lane.bulk_items = maps == nullptr ? 0 : maps->bulk.max_items();
    lanes.emplace(table.resource, std::move(lane));
  }
  channel.lanes = std::move(lanes);
}

}  // namespace

std::shared_ptr<ProviderChannel> ProviderTable::find(std::string_view provider_id) const {
  const auto found = channels_.find(provider_id);
  return found == channels_.end() ? nullptr : found->second;
}

bool ProviderTable::needs_refresh(SystemTime now) const {
  return provider_generation_ != Session::provider_generation() ||
         configuration_generation_ != configuration_generation() || (is_used_ && now >= refresh_at_);
}

void ProviderTable::refresh(Session& session, SystemTime now) {
  const auto error = session.transaction("reading configuration", [&] {
    // Changes heard of from here on cause another refresh.
    const std::uint64_t provider_generation = Session::provider_generation();
    const std::uint64_t generation = configuration_generation();
    read_providers(now);
    bool has_trouble = false;
    for (const auto& [id, channel] : channels_) {
      read_connection(*channel, now);
      has_trouble = has_trouble || channel->connection == nullptr;
    }
    share_rate_limits(now);
    provider_generation_ = provider_generation;
    configuration_generation_ = generation;
    is_used_ = has_trouble;
    refresh_at_ = now + (has_trouble ? trouble_interval : file_check_interval);
  });
  if (!error) return;
  is_used_ = true;
  refresh_at_ = now + file_check_interval;
  provider_generation_ = Session::provider_generation();
  configuration_generation_ = configuration_generation();
  if (!session.leave()) log(WARNING, *error);
}

// Without providers nothing leaves: no push, look-up or poll.
std::vector<store::ProviderRow> ProviderTable::usable_providers() {
  const bool was_armed = std::exchange(is_armed_, store::is_armed());
  if (is_armed_) return store::active_providers();
  if (was_armed) {
    log(LOG, "pg_cmms sends nothing from this database: it is a copy that is not armed", {},
        "Call cmms.arm() in it once its original does not send any more.");
  }
  return {};
}

void ProviderTable::read_providers(SystemTime now) {
  Channels channels;
  for (const store::ProviderRow& row : usable_providers()) {
    std::shared_ptr<ProviderChannel> channel = find(row.provider_id);
    if (channel == nullptr) {
      channel = std::make_shared<ProviderChannel>();
      channel->provider_id = row.provider_id;
      channel->activated_at = row.activated_at;
      restore(*channel, row, now);
    }
    if (channel->activated_at != row.activated_at) {
      // Activated anew: whatever was wrong, the DBA says that it is worth trying.
      channel->activated_at = row.activated_at;
      channel->circuit = Circuit();
      channel->rate_limit->resume();
      channel->poll_not_before = {};
      channel->state_is_dirty = channel->state_is_urgent = true;
    }
    channel->tenant_id = row.tenant_id;
    channel->may_push = row.mode != "read";
    channel->poll_seconds = row.poll_seconds;
    channel->import_since = row.import_since;
    channel->look_again();
    channels.emplace(row.provider_id, channel);
  }
  for (const auto& [id, channel] : channels_) channel->is_active = channels.contains(id);
  channels_ = std::move(channels);
}

void ProviderTable::read_connection(ProviderChannel& channel, SystemTime now) {
  std::shared_ptr<const provider::Connection> found;
  const auto error = in_subtransaction([&] { found = connection(channel.provider_id); });
  if (error) {
    channel.connection = nullptr;
    if (std::exchange(channel.trouble, error->message) == error->message) return;
    log(WARNING, "provider \"" + channel.provider_id + "\" cannot be used: " + error->message, error->detail,
        error->hint);
    channel.last_error = error->message;
    channel.last_error_class = "configuration";
    channel.last_error_at = now;
    channel.state_is_dirty = channel.state_is_urgent = true;
    return;
  }
  channel.trouble.clear();
  const bool has_changed =
      channel.connection != nullptr && (channel.connection->options != found->options ||
                                        channel.connection->credentials != found->credentials);
  if (has_changed) channel.circuit.try_now();
  if (found != channel.connection) {
    std::vector<store::PollKey> polls;
    for (const auto& [resource, maps] : found->resources) {
      if (found->can_poll(resource)) polls.push_back({channel.tenant_id, channel.provider_id, resource});
    }
    store::ensure_poll_cursors(polls);
  }
  channel.connection = std::move(found);
  update_lanes(channel);
}

// Servers of one account have one limit, by the strictest of their options.
void ProviderTable::share_rate_limits(SystemTime now) {
  std::map<rate_limit::RateLimit*, rate_limit::RateLimit::Policy> policies;
  for (const auto& [id, channel] : channels_) {
    if (channel->connection == nullptr) continue;
    const provider::Connection& connection = *channel->connection;
    auto account = rate_limit::account_key(connection.option("base_url"), connection.credentials);
    if (channel->account != account) {
      // With another credential nothing is known of the limit.
      auto own = channel->account ? std::make_shared<rate_limit::RateLimit>() : channel->rate_limit;
      channel->rate_limit = accounts_.share(account, std::move(own));
      channel->account = std::move(account);
    }
    rate_limit::RateLimit::Policy& policy = policies[channel->rate_limit.get()];
    policy = rate_limit::stricter(policy, connection.rate());
  }
  for (const auto& [limit, policy] : policies) limit->set_policy(policy, now);
}

bool ProviderTable::has_unsaved_state(SystemTime now) const {
  return std::any_of(channels_.begin(), channels_.end(), [&](const auto& entry) {
    const ProviderChannel& channel = *entry.second;
    return channel.state_is_urgent ||
           (now - channel.state_saved_at >= state_save_interval && is_unsaved(channel, now));
  });
}

std::optional<SystemTime> ProviderTable::save_due_at(SystemTime now) const {
  std::optional<SystemTime> due;
  for (const auto& [id, channel] : channels_) {
    if (!is_unsaved(*channel, now)) continue;
    const SystemTime at = channel->state_saved_at + state_save_interval;
    if (!due || at < *due) due = at;
  }
  return due;
}

void ProviderTable::save_states(Session& session, SystemTime now) {
  std::vector<store::ProviderStateRow> rows;
  for (const auto& [id, channel] : channels_) {
    if (!is_unsaved(*channel, now)) continue;
    const ProviderChannel::Waiting waiting = channel->waiting(now);
    rows.push_back(state_row(*channel, waiting));
    channel->saved_waiting = waiting;
    channel->saved_limit_changes = channel->rate_limit->changes();
    channel->state_saved_at = now;
    channel->state_is_urgent = false;
    channel->state_is_dirty = true;  // until it is known to be saved
  }
  if (rows.empty()) return;
  std::vector<std::string> saved;
  const auto error =
      session.transaction("saving provider states", [&] { saved = store::save_provider_states(rows); });
  if (error && !session.leave()) log(LOG, *error);
  for (const std::string& id : saved) {
    if (const auto channel = find(id)) channel->state_is_dirty = false;
  }
}

}  // namespace cmms::pg
