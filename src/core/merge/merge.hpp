// The three-way merge: what a provider says of a field, what it said last, and what we have made of it since
// decide together with the field's owner which side stands. Applying news and previewing them decide here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/json/value.hpp"

namespace cmms::merge {

// Who decides over a field (cmms.field_map.owner).
enum class Owner : std::uint8_t {
  newest,    // the side that changed it last
  provider,  // its word stands, also over a change of ours that has not been sent
  hub,       // ours stands; the provider's value is taken for a new record only
  manual     // a person decides wherever the provider's value differs from ours
};
std::optional<Owner> parse_owner(std::string_view name);
std::string_view owner_name(Owner owner);

enum class Decision : std::uint8_t {
  unchanged,       // the provider says what it said last time
  agreed,          // both sides came to the same value
  taken,           // news: the provider's value becomes ours
  kept_for_owner,  // the hub owns the field
  kept_unsent,     // our change has no answer yet, or this is an echo of the one before
  conflict_taken,  // both sides changed it: the provider's value stands
  conflict_kept,   // both sides changed it: ours stands
  conflict_open    // both sides differ, and a person decides
};
std::string_view decision_name(Decision decision);
bool is_conflict(Decision decision);
bool takes_value(Decision decision);  // the provider's value becomes ours
bool ends_unsent(Decision decision);  // a change of ours that waits to be sent is not sent any more

// One field as the sides see it; absent is not the same as null only for `base`.
struct FieldView {
  json::Value said;                 // the provider's value now
  std::optional<json::Value> base;  // what it said last; absent: nothing yet
  json::Value ours;                 // read only where the field is unsent or its owner is manual
  Owner owner = Owner::newest;
  bool is_unsent = false;  // we changed it, and the provider may not have that yet
  bool is_echo = false;    // of an earlier value that we sent
};

struct Sides {
  bool awaits_answer = false;      // our changes are in flight, in doubt, or make the record at the provider
  bool provider_is_newer = false;  // its change is younger than our last one, by its own time stamp
};

Decision decide(const FieldView& field, const Sides& sides);

}  // namespace cmms::merge
