// A connection: one configured provider (a foreign server) with its descriptor, options, credentials and
// effective maps: the descriptor's defaults overlaid with what the DBA wrote and what was learnt.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapping/mapping.hpp"
#include "core/merge/merge.hpp"
#include "core/path/path.hpp"
#include "core/provider/bulk.hpp"
#include "core/provider/descriptor.hpp"
#include "core/provider/template.hpp"
#include "core/rate_limit/rate_limit.hpp"

namespace cmms::provider {

struct PagingStyle;
class Session;

// The field that carries our reference to the record and back.
struct ReferenceField {
  std::string target;            // as written by an outbound rule
  path::Path path;               // the same field
  std::vector<path::Path> read;  // where it is in a record that was read
  std::string separator;         // between the text and our mark
  std::string form;  // 'plain': the field is ours alone and holds the uuid; 'short': in 20 characters
};

// A vocabulary whose ids and names are learnt from the records that are read.
struct LearnPaths {
  std::string vocabulary;
  std::vector<path::Path> id;
  std::vector<path::Path> name;
};

// How often a provider does something in a calendar month.
struct Quota {
  std::string operation;  // create, update, delete
  std::int64_t limit = 0;
};

// Where a look-up finds records; see LookupSpec.
struct LookupMaps {
  std::vector<path::Path> records;
  std::vector<path::Path> id;
  std::vector<path::Path> reference;
  std::optional<path::Path> newest_first;
};

// A record that is made before one of the resource; see CompanionSpec.
struct CompanionMaps {
  std::string resource;
  std::string target;
  path::Path record_id;
};

// The effective maps and paths of one resource.
struct ResourceMaps {
  mapping::FieldMap inbound;
  mapping::FieldMap outbound;
  mapping::ValueMaps inbound_values;
  mapping::ValueMaps outbound_values;

  std::vector<path::Path> records;
  std::vector<path::Path> total;
  std::vector<path::Path> record;
  std::vector<path::Path> mapped_id;  // where the DBA's map says that the id is
  std::vector<path::Path> id;         // mapped_id, then the descriptor's
  std::vector<path::Path> updated_at;
  std::vector<path::Path> revision;
  std::optional<ReferenceField> reference;
  std::vector<path::Path>
      mapped_reference;  // a field of its own, named by the DBA's map, that holds our uuid
  std::vector<LearnPaths> learn;
  std::vector<std::string> required;                        // outbound targets that must be mapped
  std::map<std::string, merge::Owner, std::less<>> owners;  // inbound targets that are not of the newest
  const PagingStyle* paging = nullptr;
  std::string changed_since_parameter;  // empty: there is no query for what has changed
  bool polled_whole = false;            // each poll reads the whole list
  bool changed_since_sorted = false;    // the provider is asked to sort by change time
  std::vector<Quota> quotas;
  std::optional<CompanionMaps> companion;
  std::vector<path::Path> status;  // of status_actions
  std::string lock;                // of updates: 'etag', 'any', or empty
  LookupMaps lookup;
  BulkWrites bulk;  // empty: records are written one by one
  bool can_look_up = false;
  bool checks_updates = false;  // an update reads the record first, to notice what changed meanwhile
};

// Where an event holds what is read from it.
struct WebhookPaths {
  std::vector<path::Path> event;
  std::vector<path::Path> records;
  std::vector<path::Path> delivery;
  std::vector<path::Path> occurred_at;
};

struct Connection {
  std::string provider_id;
  std::string tenant_id;
  std::shared_ptr<const Descriptor> descriptor;
  int map_version = 0;  // of cmms.map_version; 0: nothing but the descriptor's defaults
  Options options;      // descriptor defaults filled in
  Options credentials;  // secret: never logged, masked by exchange/redact
  std::map<std::string, ResourceMaps, std::less<>> resources;
  WebhookPaths webhook;
  std::vector<std::string> derived_secrets;  // what authentication makes of the credentials
  std::optional<Header> authentication;      // its value is empty where the session has a token for it
  std::shared_ptr<Session> session;          // never null; changes while requests are made

  std::string_view option(std::string_view name) const;  // empty when absent
  std::int64_t integer_option(std::string_view name, std::int64_t fallback) const;
  std::vector<std::string_view> secrets() const;  // until the session's next token
  const ResourceMaps* maps(std::string_view resource) const;

  // How many requests may be in flight to this provider at once, and how long one may take.
  int max_concurrency() const;
  rate_limit::RateLimit::Policy rate() const;  // configured; what the provider announces comes on top
  std::chrono::milliseconds timeout() const;
  std::chrono::seconds lookup_grace() const;  // until a missing record is believed to be missing
  // 'none' or the name of a signature scheme; a secret without a scheme means standard_webhooks.
  std::string_view webhook_scheme() const;
  std::chrono::seconds webhook_tolerance() const;
  std::vector<std::string_view> webhook_secrets()
      const;                             // several may be given, separated by blanks or commas
  Status check_webhook_secrets() const;  // whether webhooks can be verified as the options say

  bool can_poll(std::string_view resource) const;
  bool can_look_up(std::string_view resource) const;
  bool can_read(std::string_view resource) const;
  std::chrono::seconds reread_interval() const;  // 0: records are not read again by the clock

  // Options and credentials as template placeholders.
  std::optional<Substitute> placeholder(std::string_view name) const;
};

// A row of cmms.field_map. A row replaces the default rule of its target; without source and default it
// switches that rule off. Rows of direction 'row' belong to cmms.sync_row and are skipped.
struct FieldRow {
  std::string resource;
  std::string direction;  // 'inbound', 'outbound', 'row'
  std::string target;
  std::optional<std::string> source;  // one path, or a JSON array of paths
  std::string transform;
  bool required = false;
  std::optional<std::string> default_value;  // JSON text
  std::string on_operation = "always";
  std::string owner = "newest";
};

struct ValueRow {
  std::string resource;
  std::string vocabulary;
  std::string direction;  // 'inbound', 'outbound'
  mapping::ValueRule rule;
};

// A row of cmms.provider_value: the provider's own id and name of a value.
struct LearntValue {
  std::string vocabulary;
  std::string value_id;
  std::string value_name;

  friend bool operator==(const LearntValue&, const LearntValue&) = default;
};

struct ConnectionInput {
  std::string provider_id;
  std::string tenant_id;
  std::shared_ptr<const Descriptor> descriptor;
  Options options;      // as written by the DBA; 'type' may be among them
  Options credentials;  // the secrets themselves, `_file` forms already read
  int map_version = 0;
  std::vector<FieldRow> field_rows;
  std::vector<ValueRow> value_rows;
  std::vector<LearntValue> learnt_values;
  std::shared_ptr<const mapping::Environment> environment;  // null: there is no database
};

Result<std::shared_ptr<const Connection>> make_connection(ConnectionInput input);

// A template of options and credentials; what has no value is empty.
Result<std::string> expand_options(const Connection& connection, const std::string& text);
// Path templates that expand to nothing are skipped: an option that is not set.
Status compile_paths(const Connection& connection, const std::vector<std::string>& texts,
                     std::vector<path::Path>& paths);
// How a list is polled: by what has 'changed', or as a 'whole' where nothing tells what has.
bool is_poll_style(std::string_view text);

// Outbound targets that the provider requires and that nothing is mapped to; activation is refused while
// there are any.
std::vector<std::string> unmapped_required(const Connection& connection, std::string_view resource);

// The rules of one direction as they are written: the rows, laid over the descriptor's where `with_defaults`.
Result<std::vector<mapping::RuleText>> written_rules(const Connection& connection,
                                                     const std::vector<FieldRow>& rows,
                                                     std::string_view resource, std::string_view direction,
                                                     bool with_defaults);

// cmms.field_map.source <-> the sources of a rule.
std::string sources_text(const std::vector<std::string>& sources);
Result<std::vector<std::string>> parse_sources(std::string_view text);

}  // namespace cmms::provider
