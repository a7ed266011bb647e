// The active providers, kept in step with cmms.provider, foreign servers, user mappings and maps.
#pragma once

#include "pg/prelude.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/rate_limit/account.hpp"
#include "pg/store/provider.hpp"
#include "pg/worker/provider_channel.hpp"
#include "pg/worker/session.hpp"

namespace cmms::pg {

class ProviderTable {
 public:
  using Channels = std::map<std::string, std::shared_ptr<ProviderChannel>, std::less<>>;

  const Channels& channels() const { return channels_; }
  std::shared_ptr<ProviderChannel> find(std::string_view provider_id) const;

  bool needs_refresh(SystemTime now) const;
  void refresh(Session& session, SystemTime now);

  // Credentials that come from files are read again now and then; called while there is work.
  void mark_used() { is_used_ = true; }

  bool has_unsaved_state(SystemTime now) const;  // worth writing now
  std::optional<SystemTime> save_due_at(SystemTime now) const;
  void save_states(Session& session, SystemTime now);

 private:
  std::vector<store::ProviderRow> usable_providers();
  void read_providers(SystemTime now);
  void read_connection(ProviderChannel& channel, SystemTime now);
  void share_rate_limits(SystemTime now);

  Channels channels_;
  rate_limit::Accounts accounts_;
  std::uint64_t provider_generation_ = 0;
  std::uint64_t configuration_generation_ = 0;
  bool is_used_ = false;
  bool is_armed_ = true;
  SystemTime refresh_at_{};
};

}  // namespace cmms::pg
