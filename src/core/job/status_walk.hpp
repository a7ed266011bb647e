// The way from the status that a record has at its provider to the one that it is to have, for providers that
// change a status by calls of their own, one step at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.hpp"
#include "core/provider/connection.hpp"

namespace cmms::job {

// The provider's code of the status that our record has, by its value map. Nullopt: it has no mapping, or the
// provider changes no status by actions.
std::optional<std::string> wanted_state(const provider::Connection& connection, std::string_view resource,
                                        const json::Value& record);

// The code of the status that the provider's record shows; empty: none of the known ones.
std::string present_state(const provider::ResourceSpec& spec, const provider::ResourceMaps& maps,
                          const json::Value& record);

// The fewest actions that lead there; empty when it is there already, nullopt when no way leads there.
std::optional<std::vector<const provider::StatusAction*>> find_way(const provider::StatusActionsSpec& spec,
                                                                   const std::string& from,
                                                                   const std::string& to);

// The fewest actions from what the provider said last of the record to what the record wants now; nullopt
// also where nothing is known of that.
std::optional<std::vector<const provider::StatusAction*>> expected_way(const provider::ResourceSpec& spec,
                                                                       const provider::ResourceMaps& maps,
                                                                       const json::Value& our_record,
                                                                       const std::string& wanted);

// Whether an attempt of ours has, or may have, left the record in this status: it lies on the way to the one
// that our record has, or to one of those that were sent before it ("sent": an object of them; may be null).
bool is_own_status(const provider::Connection& connection, std::string_view resource,
                   const json::Value& our_record, const json::Value& sent, const json::Value& record);

// Whether a record that was just made still has to be walked to its status, or held for want of one.
bool status_follows(const provider::Connection& connection, std::string_view resource,
                    const json::Value& record);

// "release, complete"
std::string action_names(const std::vector<const provider::StatusAction*>& way);

}  // namespace cmms::job
