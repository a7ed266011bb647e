// Reads an event that a provider sent: its name, its records and what the event says by itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.hpp"
#include "core/provider/inbound.hpp"
#include "core/result.hpp"

namespace cmms::provider {

// A header's value by its name in lower case.
using HeaderLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

struct WebhookRecord {
  std::string resource;
  json::Value record;      // lives as long as the body
  InboundRecord inbound;   // the record's fields with those that the event itself sets
  bool read_back = false;  // only its id is known: it is to be read at the provider
};

struct WebhookEvent {
  std::string event_type;   // as sent; empty: the event has no name
  std::string delivery_id;  // of this delivery, for deduplication: sent, or else derived from what the
                            // descriptor says; empty: none
  bool ignored = false;     // an event that the descriptor does not know: nothing is applied
  std::string reason;       // why it is ignored
  std::vector<WebhookRecord> records;  // in the order in which they are to be applied; never empty unless
                                       // it is ignored
};

// `bytes`: the body as it arrived. An error (class validation) means that the body is not an event with a
// record: 'malformed'.
Result<WebhookEvent> read_webhook(const Connection& connection, const json::Value& body,
                                  const HeaderLookup& header, std::string_view bytes = {});

}  // namespace cmms::provider
