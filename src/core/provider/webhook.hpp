// Reads an event that a provider sent: its name, its record and what the event says by itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/value.hpp"
#include "core/provider/inbound.hpp"
#include "core/result.hpp"

namespace cmms::provider {

// A header's value by its name in lower case.
using HeaderLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

struct WebhookRecord {
  std::string event_type;   // as sent; empty: the event has no name
  std::string delivery_id;  // the sender's id of this delivery, for deduplication; empty: none, and the
                            // caller's last resort is the hash of the body
  bool ignored = false;     // an event that the descriptor does not know: nothing is applied
  std::string reason;       // why it is ignored
  std::string resource;
  json::Value record;     // lives as long as the body
  InboundRecord inbound;  // the record's fields with those that the event itself sets
};

// An error (class validation) means that the body is not an event with a record: 'malformed'.
Result<WebhookRecord> read_webhook(const Connection& connection, const json::Value& body,
                                   const HeaderLookup& header);

}  // namespace cmms::provider
