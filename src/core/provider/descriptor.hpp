// A descriptor: a provider type as data (providers/<type>.json or a row of cmms.provider_type). It says how
// the provider is addressed, what its resources look like and how their fields and values map by default.
// Parsed strictly, because a misspelt member would otherwise be a silent default; immutable afterwards.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/classify.hpp"
#include "core/mapping/mapping.hpp"
#include "core/provider/alias.hpp"
#include "core/provider/options.hpp"
#include "core/provider/webhook_spec.hpp"
#include "core/rate_limit/rate_limit.hpp"
#include "core/result.hpp"

namespace cmms::provider {

// A header or query parameter; name and value are templates. It is left out when one of them has no value.
struct Parameter {
  std::string name;
  std::string value;
};

// A member that a named strategy takes.
struct StyleParameter {
  std::string_view name;
  bool is_required = false;
};

// Headers that prove who we are: a named strategy and its parameters (templates).
struct AuthenticationSpec {
  std::string style;  // of authentication.hpp
  std::map<std::string, std::string, std::less<>> parameters;
};

// What modifying requests need besides: a named strategy of session.hpp and its parameters (templates).
struct SessionSpec {
  std::string style;
  std::map<std::string, std::string, std::less<>> parameters;
};

// Many records in one request, whose body is an array with an item for each. All paths may be templates.
struct BulkSpec {
  static constexpr std::size_t default_bytes = 8U << 20U;

  std::string max_items;                  // template: items in one request
  std::size_t max_bytes = default_bytes;  // of its body
  // Rules for what names the record in an item of an update; they read {"source_id", "reference"}.
  std::vector<mapping::RuleText> key;
  std::vector<std::string> whole;    // members of an item that are sent with all their parts, or as null
  std::vector<std::string> id_sent;  // in an item that was sent: the provider's id of the record from then on
  // Where the answer has a result for each item, in their order or with their ids.
  std::vector<std::string> results;
  std::vector<std::string> status;   // in a result: an HTTP status
  std::vector<std::string> message;  // in a result
  std::vector<std::string> errors;   // in a result: errors of its fields
  std::vector<std::string> id;       // in a result
  // Where an answer that refuses the request names items by their place: "[3].name".
  std::vector<std::string> error_index;
};

struct OperationSpec {
  std::string method;  // template
  std::string path;    // template
  std::vector<Parameter> query;
  std::vector<Parameter> join;     // of a list: what stands between several values of a query parameter
  std::vector<Parameter> headers;  // besides the descriptor's
  std::vector<std::string>
      omit_headers;               // names of the descriptor's headers that this operation must not send
  std::string envelope;           // template: the member that wraps the body; empty: bare
  bool id_from_location = false;  // a create without an id in its answer: take Location's last segment
  bool has_body = true;           // false, written "body": "none": there is only a Content-Type
  bool is_accepted = false;       // written "answer": "accepted": the answer has no id, it shows itself later
  std::string unsupported;        // why the provider cannot do this; then nothing else is given
  std::string lock;   // template, of an update: 'etag' or 'any': If-Match says which version is changed
  std::string quota;  // template: how often the provider does this in a calendar month; empty: without limit
  std::string check;  // template, of an update: 'read' reads the record first, to notice a conflict
  std::string session_path;  // template of options: another session than the descriptor's; empty: that one
  bool repeatable = false;   // a create that the provider carries out once, however often it is sent
  std::optional<BulkSpec> bulk;
};

// A write for fields that the update does not carry: a stock count has an endpoint of its own.
struct WriteSpec {
  std::string name;
  std::vector<std::string> fields;          // our columns; a change of one of them is sent by this write
  std::vector<mapping::RuleText> outbound;  // all of them are sent
  OperationSpec operation;
};

// One step from one status to another, for providers that change it by calls of their own.
struct StatusAction {
  std::string name;
  std::vector<std::string> from;
  std::string to;
  OperationSpec operation;
};

struct StatusActionsSpec {
  std::vector<std::string> status;     // paths: what a record says of its status
  std::vector<std::string> states;     // codes; the first that stands in it as a word counts
  std::string initial;                 // of a new record
  std::string deleted;                 // of a record that was deleted, where it is still shown; or empty
  std::vector<std::string> read_only;  // codes with which the other fields cannot be changed
  std::vector<StatusAction> actions;
};

// Many records read by one request of the list, found by their ids.
struct ReadBatchSpec {
  int max_items = 0;      // ids in one request; 0: records are read one by one
  std::string parameter;  // the query parameter that names them
  std::string each;       // template: what names one of them, by {source_id}
  std::string join;       // what stands between two of them
};

struct PagingSpec {
  std::string style = "none";                                  // template: a named strategy of paging.hpp
  std::map<std::string, std::string, std::less<>> parameters;  // templates
};

struct ChangedSinceSpec {
  std::string parameter;         // template: the query parameter that carries the cursor; empty: no polling
  std::string value;             // template: what it says, with {cursor}
  std::vector<Parameter> query;  // besides it: the sort order
};

struct LearnSpec {
  std::string vocabulary;
  std::vector<std::string> id;    // paths
  std::vector<std::string> name;  // paths
};

// Two directions of one vocabulary.
struct ValuesSpec {
  std::vector<mapping::ValueRule> inbound;   // the provider's value -> ours
  std::vector<mapping::ValueRule> outbound;  // ours -> the provider's
};

// Where a provider has no field for our own reference, a text field carries it.
struct ReferenceSpec {
  std::string field;              // template: the provider's field; 'none' or empty: there is none
  std::vector<std::string> read;  // paths where it is found again; empty: the same field
  std::string form;  // 'mark' (in a text of people's), 'plain' or 'short' (in a field of our own)
  std::map<std::string, std::string, std::less<>> separators;  // per field, what stands before the mark
};

// Another record, made before one of this resource, that carries our reference for it.
struct CompanionSpec {
  std::string resource;
  std::string enabled;    // template: there is one where this has a value
  std::string target;     // the field of this resource's records that names it
  std::string record_id;  // path in it: the record that it belongs to
};

// How a record is found by our reference.
struct LookupSpec {
  std::string enabled;           // template: there is a look-up where this has a value; not given: always
  std::vector<Parameter> query;  // of the resource's list, or of the operation
  std::optional<OperationSpec> operation;  // in another list than the resource's: of its companions
  PagingSpec paging;                       // of the operation
  std::vector<std::string> records;        // paths, of the operation
  std::vector<std::string> id;         // paths in what is found: the record's id; empty: there is none yet
  std::vector<std::string> reference;  // paths in what is found: our reference, whole or in short
  std::string newest_first;            // path: when a record of the list was made, which has the newest first
};

struct ResourceSpec {
  std::string name;
  std::optional<OperationSpec> create;
  std::optional<OperationSpec> update;
  std::vector<WriteSpec> updates;       // besides it, in the order in which they are sent
  std::optional<OperationSpec> remove;  // written 'delete'
  std::optional<OperationSpec> read;
  std::optional<CompanionSpec> companion;
  std::optional<StatusActionsSpec> status_actions;
  ReadBatchSpec read_batch;
  std::optional<OperationSpec> list;
  PagingSpec paging;
  std::optional<ChangedSinceSpec> changed_since;
  std::string poll;  // template; 'whole': without a query for changes, each poll reads the whole list
  std::optional<LookupSpec> lookup;
  // Paths may be templates; those that expand to nothing are skipped.
  std::vector<std::string> records;     // the array in a list's answer: the first that is an array
  std::vector<std::string> total;       // in a list's answer: how many records match, of all pages
  std::vector<std::string> record;      // the record in a create's or update's answer: the first with an id
  std::vector<std::string> id;          // in the record
  std::vector<std::string> updated_at;  // in the record
  std::vector<std::string> revision;    // in the record
  ReferenceSpec reference;
  std::vector<std::string> required;  // templates, comma separated: outbound targets that must be mapped
  Aliases aliases;                    // other names of fields, for the DBA's maps
  std::vector<mapping::RuleText> inbound;
  std::vector<mapping::RuleText> outbound;
  std::map<std::string, std::string, std::less<>>
      outbound_when;                  // target -> template: there only where it has a value
  bool outbound_replaceable = false;  // the default outbound rules apply only while the DBA wrote none
  // Outbound targets that a create leaves out while our field has one of these values and the map has none:
  // the provider starts there by itself.
  std::map<std::string, std::vector<std::string>, std::less<>> provider_default;
  // Targets that are left out, instead of holding the record, when the value cannot be transformed: a
  // provider's integer id for which we have only a name of our own.
  std::vector<std::string> omit_bad_values;
  std::vector<LearnSpec> learn;
  std::map<std::string, ValuesSpec, std::less<>> values;
};

struct ProbeSpec {
  std::string permission;  // "read work orders"
  OperationSpec operation;
};

// Providers that answer 200 with an error inside: the answer failed when the text at `path` is one of
// `values`.
struct FailureInside {
  path::Path path;
  std::vector<std::string> values;
};

struct Descriptor {
  std::string type;
  std::string name;
  std::string documentation;
  std::vector<OptionSpec> options;      // the common ones included
  std::vector<OptionSpec> credentials;  // the common ones included
  std::vector<AuthenticationSpec> authentication;
  std::optional<SessionSpec> session;
  std::vector<Parameter> headers;
  rate_limit::LimitHeaders limits;
  ErrorPaths errors;
  std::optional<FailureInside> failed_when;
  std::vector<ProbeSpec> probe;
  std::map<std::string, ResourceSpec, std::less<>> resources;
  std::optional<WebhookSpec> webhook;

  const ResourceSpec* resource(std::string_view name) const;
};

inline constexpr std::size_t max_descriptor_bytes = 512U << 10U;
inline constexpr std::size_t max_descriptor_depth = 24;

// Errors are of class configuration and name the JSON path of what is wrong.
Result<Descriptor> parse_descriptor(std::string_view json);

// The options of a server, as written by the DBA ('type' may be among them): unknown, missing or malformed
// ones are errors whose hint lists the valid names.
Status validate_options(const Descriptor& descriptor, const Options& options);

// The options of a user mapping: each credential may also be given as '<name>_file', but not both ways.
// `complete`: required ones must be there.
Status validate_credentials(const Descriptor& descriptor, const Options& credentials, bool complete = true);

}  // namespace cmms::provider
