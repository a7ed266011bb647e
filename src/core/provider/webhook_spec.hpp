// What a descriptor says of the events that a provider, or a gateway in front of it, sends.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/mapping/mapping.hpp"
#include "core/path/path.hpp"

namespace cmms::provider {

// One record that an event carries. Its paths start at the body.
struct WebhookRecordSpec {
  std::string resource;
  std::vector<path::Path> record;            // candidates, in this order; empty: those of the webhook
  std::vector<path::Path> id;                // empty: the record's own
  std::vector<path::Path> occurred_at;       // when it became so; empty: that of the webhook
  std::vector<mapping::MappedField> fields;  // what the event says of it by itself
  bool id_is_delivery = false;               // it has no id; that of the delivery tells it from others
  bool is_optional = false;                  // an event without it is one all the same
  bool read_back = false;                    // the event only names it: it is read at the provider
};

// What makes two deliveries one, where no id of the delivery is sent.
struct Deduplication {
  bool by_event = false;
  bool by_record_id = false;
  bool by_occurred_at = false;
  bool by_body = false;

  bool is_used() const { return by_event || by_record_id || by_occurred_at || by_body; }
};

struct WebhookSpec {
  std::string resource = "work_order";
  std::string
      signature;  // the scheme where a secret is given and no option says another; empty: standard_webhooks
  // Paths may be templates, as those of a resource.
  std::vector<std::string> event;          // the event's name; vocabulary 'event' may translate it
  std::vector<std::string> event_headers;  // tried when the body has none
  std::vector<std::string> records;        // candidates, in this order
  std::vector<std::string> delivery_headers;
  std::vector<std::string> delivery;     // the delivery's id in the body
  std::vector<std::string> occurred_at;  // when it happened, for records that have no time of change
  Deduplication deduplicate;
  std::map<std::string, std::vector<WebhookRecordSpec>, std::less<>> events;
};

}  // namespace cmms::provider
