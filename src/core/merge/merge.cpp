#include "core/merge/merge.hpp"

#include <array>

#include "core/json/equal.hpp"

namespace cmms::merge {
namespace {

constexpr std::array<std::string_view, 4> owner_names = {"newest", "provider", "hub", "manual"};
constexpr std::array<std::string_view, 8> decision_names = {
    "unchanged",   "agreed",         "taken",         "kept_for_owner",
    "kept_unsent", "conflict_taken", "conflict_kept", "conflict_open"};

// Both sides changed the field since they last agreed.
Decision decide_conflict(Owner owner, bool provider_is_newer) {
  switch (owner) {
    case Owner::provider:
      return Decision::conflict_taken;
    case Owner::hub:
      return Decision::conflict_kept;
    case Owner::newest:
      return provider_is_newer ? Decision::conflict_taken : Decision::conflict_kept;
    case Owner::manual:
      return Decision::conflict_open;
  }
  return Decision::conflict_open;
}

}  // namespace

std::optional<Owner> parse_owner(std::string_view name) {
  for (std::size_t i = 0; i < owner_names.size(); ++i) {
    if (owner_names[i] == name) return static_cast<Owner>(i);
  }
  return std::nullopt;
}

std::string_view owner_name(Owner owner) { return owner_names[static_cast<std::size_t>(owner)]; }

std::string_view decision_name(Decision decision) {
  return decision_names[static_cast<std::size_t>(decision)];
}

bool is_conflict(Decision decision) {
  return decision == Decision::conflict_taken || decision == Decision::conflict_kept ||
         decision == Decision::conflict_open;
}

bool takes_value(Decision decision) {
  return decision == Decision::taken || decision == Decision::conflict_taken;
}

bool ends_unsent(Decision decision) {
  return decision == Decision::agreed || decision == Decision::conflict_taken ||
         decision == Decision::conflict_open;
}

Decision decide(const FieldView& field, const Sides& sides) {
  if (field.base && json::equal(field.said, *field.base)) return Decision::unchanged;
  if (field.is_unsent) {
    if (sides.awaits_answer) return Decision::kept_unsent;
    if (json::equal(field.said, field.ours)) return Decision::agreed;
    if (field.is_echo) return Decision::kept_unsent;
    return decide_conflict(field.owner, sides.provider_is_newer);
  }
  switch (field.owner) {
    case Owner::hub:
      return Decision::kept_for_owner;
    case Owner::manual:
      return json::equal(field.said, field.ours) ? Decision::agreed : Decision::conflict_open;
    case Owner::newest:
    case Owner::provider:
      return Decision::taken;
  }
  return Decision::taken;
}

}  // namespace cmms::merge
