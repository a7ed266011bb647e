// Field maps: rules that carry values from a source document to named targets. One engine serves all
// directions: inbound (provider document -> work order), outbound (work order -> provider document), row
// (application row -> work order).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/field.hpp"
#include "core/json/value.hpp"
#include "core/mapping/transform.hpp"
#include "core/mapping/value_map.hpp"
#include "core/path/path.hpp"
#include "core/result.hpp"

namespace cmms::mapping {

enum class Direction : std::uint8_t { inbound, outbound, row };
enum class Operation : std::uint8_t { create, update };
enum class OnOperation : std::uint8_t { always, create, update };

// A rule as written: in a descriptor, in cmms.field_map or in the short-hand JSON.
struct RuleText {
  std::string target;
  std::vector<std::string>
      sources;            // the first that exists and is not null wins; empty: only the default applies
  std::string transform;  // "trim | map status"; empty: none
  bool required = false;
  std::optional<json::Field> default_value;
  OnOperation on_operation = OnOperation::always;
  std::string owner = {};  // inbound: 'provider', 'hub', 'manual'; empty: 'newest'

  friend bool operator==(const RuleText&, const RuleText&) = default;
};

struct Rule {
  std::string target;
  std::vector<path::Path> sources;
  TransformChain transforms;
  bool required = false;
  std::optional<json::Field> default_value;
  OnOperation on_operation = OnOperation::always;
  std::string text;  // the source and transform as written, for messages
};

Result<Rule> compile_rule(const RuleText& text);

// Where a rule finds its value in a document.
struct SourceValue {
  const path::Path* path = nullptr;
  json::Field value;
};
// The first source that is there and not null; null when some are there; nullopt when none is.
std::optional<SourceValue> read_sources(const Rule& rule, const json::Value& document);

// Whether the time zones and functions that a rule names exist. A record shows it too, so it need not be
// asked before every use.
Status verify_rule(const Rule& rule, const Environment& environment);

enum class ProblemKind : std::uint8_t { missing_required, unmapped_value, bad_value };

// Why a field could not be mapped. The record is held; nothing is guessed.
struct Problem {
  ProblemKind kind = ProblemKind::bad_value;
  std::string target;
  std::string vocabulary;  // for unmapped_value: 'status', 'priority', ...
  std::string value;       // the offending value as text, capped at 200 bytes
  std::string message;
};

std::string_view problem_kind_name(ProblemKind kind);

struct MappedField {
  std::string target;
  json::Field value;
};

struct Mapped {
  std::vector<MappedField> fields;  // in rule order; absent sources leave no field
  std::vector<Problem> problems;

  const json::Field* find(std::string_view target) const;
};

class FieldMap {
 public:
  FieldMap() = default;
  explicit FieldMap(std::vector<Rule> rules, std::shared_ptr<const Environment> environment = nullptr);

  // Null: inbound it is kept (null clears a field); outbound and row keep it for an update, a create leaves
  // it out. Absent: an update leaves the field out, a create takes the default or misses what is required.
  // The default stands in for null too, and is not transformed. An empty text does not satisfy `required`.
  // `only` (outbound updates): keeps the rules of which a source starts at a member for which `only` answers
  // true; rules without a source accompany them.
  Mapped apply(const json::Value& document, const ValueMaps& values, Direction direction, Operation operation,
               const std::function<bool(std::string_view)>* only = nullptr) const;

  // A record, mapped as for an update, that turns out to be new: fields that it does not mention get their
  // default, or are missing where they are required. Nullopt: it needs nothing.
  std::optional<Mapped> complete(const Mapped& mapped) const;
  // What the transforms of the rules see.
  TransformContext context(const json::Value& document, const ValueMaps& values) const {
    return {.values = values, .document = document, .environment = environment_.get()};
  }

  const std::vector<Rule>& rules() const { return rules_; }
  bool empty() const { return rules_.empty(); }

 private:
  std::vector<Rule> rules_;
  bool asks_of_new_records_ = false;                // some rule has a default or is required
  std::shared_ptr<const Environment> environment_;  // null: there is no database
};

// Rela's flat {"title":"KTEXT"} and nested {"work_order":{"title":"KTEXT"}} short-hand: record field ->
// provider field. Contract names are aliases: id = source_work_order_id, asset_id = asset_ref, location_id =
// location_ref, status = common_status, scheduled_date = planned_start_at, due_date = sla_due_at, updated_at
// = source_updated_at. A value is a path, a list of paths, null (switches a default rule off: an inbound rule
// without source and default, which compile_rule refuses) or an object {"source": .., "transform": ..,
// "required": .., "default": ..}. Times, amounts, status and priority get their transform unless one is
// given; the provider's own words for status and priority go to source_status and source_priority. Produces
// the inbound rules and, where a path can be written to, the matching outbound rules. Beside the nested form,
// "rules" may hold what short-hand has no words for: [{"direction": .., "target": .., "source": ..,
// "transform": .., "required": .., "default": .., "on_operation": .., "owner": ..}].
struct ShortHand {
  std::vector<RuleText> inbound;
  std::vector<RuleText> outbound;
};
Result<ShortHand> parse_short_hand(const json::Value& document, std::string_view resource);

// The way back: the JSON text from which parse_short_hand makes these rules again, in their nested form.
std::string write_short_hand(const ShortHand& rules, std::string_view resource);

}  // namespace cmms::mapping
