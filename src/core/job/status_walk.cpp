// Finding the way, breadth first.
#include "core/job/status_walk.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "core/json/field.hpp"

namespace cmms::job {
namespace {

using provider::StatusAction;

constexpr std::string_view status_vocabulary = "status";
constexpr std::string_view status_column = "common_status";

// "REL  CNF PRC" holds the word REL.
bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool starts = at == 0 || text[at - 1] == ' ';
    if (starts && (end == text.size() || text[end] == ' ')) return true;
  }
  return false;
}

bool contains(const std::vector<std::string>& codes, const std::string& code) {
  return std::find(codes.begin(), codes.end(), code) != codes.end();
}

// The provider's code of one of our statuses.
std::optional<std::string> state_of(const provider::ResourceMaps& maps, const json::Value& status) {
  const auto values = maps.outbound_values.find(status_vocabulary);
  if (!status.is_string() || values == maps.outbound_values.end()) return std::nullopt;
  const std::optional<std::string_view> code = values->second.find(status.string());
  return code ? std::optional(std::string(*code)) : std::nullopt;
}

}  // namespace

std::optional<std::string> wanted_state(const provider::Connection& connection, std::string_view resource,
                                        const json::Value& record) {
  const provider::ResourceSpec* spec = connection.descriptor->resource(resource);
  const provider::ResourceMaps* maps = connection.maps(resource);
  if (spec == nullptr || maps == nullptr || !spec->status_actions) return std::nullopt;
  const std::optional<json::Value> status = record.member(status_column);
  return status ? state_of(*maps, *status) : std::nullopt;
}

std::string present_state(const provider::ResourceSpec& spec, const provider::ResourceMaps& maps,
                          const json::Value& record) {
  for (const path::Path& path : maps.status) {
    const std::optional<json::Field> status = path.first(record);
    if (!status || status->is_null()) continue;
    for (const std::string& code : spec.status_actions->states) {
      if (has_word(status->text, code)) return code;
    }
  }
  return {};
}

std::optional<std::vector<const StatusAction*>> find_way(const provider::StatusActionsSpec& spec,
                                                         const std::string& from, const std::string& to) {
  std::map<std::string, const StatusAction*> reached_by{{from, nullptr}};
  std::map<std::string, std::string> before;
  std::deque<std::string> open{from};
  while (!open.empty() && !reached_by.contains(to)) {
    const std::string state = std::move(open.front());
    open.pop_front();
    for (const StatusAction& action : spec.actions) {
      if (!contains(action.from, state) || !reached_by.try_emplace(action.to, &action).second) continue;
      before[action.to] = state;
      open.push_back(action.to);
    }
  }
  if (!reached_by.contains(to)) return std::nullopt;
  std::vector<const StatusAction*> way;
  for (std::string state = to; state != from; state = before.at(state)) way.push_back(reached_by.at(state));
  std::reverse(way.begin(), way.end());
  return way;
}

std::optional<std::vector<const StatusAction*>> expected_way(const provider::ResourceSpec& spec,
                                                             const provider::ResourceMaps& maps,
                                                             const json::Value& our_record,
                                                             const std::string& wanted) {
  const std::optional<json::Value> said_last = our_record.member("source_doc");
  if (!said_last || !said_last->is_object()) return std::nullopt;
  return find_way(*spec.status_actions, present_state(spec, maps, *said_last), wanted);
}

bool is_own_status(const provider::Connection& connection, std::string_view resource,
                   const json::Value& our_record, const json::Value& sent, const json::Value& record) {
  const provider::ResourceSpec* spec = connection.descriptor->resource(resource);
  const provider::ResourceMaps* maps = connection.maps(resource);
  if (spec == nullptr || maps == nullptr || !spec->status_actions) return false;
  const std::string present = present_state(*spec, *maps, record);
  if (present.empty()) return false;
  const std::optional<json::Value> said_last = our_record.member("source_doc");
  const bool is_known = said_last && said_last->is_object();
  const std::string from = is_known ? present_state(*spec, *maps, *said_last) : spec->status_actions->initial;
  if (!is_known && present == from) return true;
  const auto leads_past = [&](const std::optional<std::string>& wanted) {
    const auto way = wanted ? find_way(*spec->status_actions, from, *wanted) : std::nullopt;
    return way &&
           std::any_of(way->begin(), way->end(), [&](const auto* action) { return action->to == present; });
  };
  if (leads_past(wanted_state(connection, resource, our_record))) return true;
  bool is_own = false;
  sent.each_member([&](std::string_view, const json::Value& status) {
    is_own = leads_past(state_of(*maps, status));
    return !is_own;
  });
  return is_own;
}

bool status_follows(const provider::Connection& connection, std::string_view resource,
                    const json::Value& record) {
  const provider::ResourceSpec* spec = connection.descriptor->resource(resource);
  const std::optional<json::Value> status = record.member(status_column);
  if (spec == nullptr || !spec->status_actions || !status || !status->is_string()) return false;
  return wanted_state(connection, resource, record) != spec->status_actions->initial;
}

std::string action_names(const std::vector<const StatusAction*>& way) {
  std::string names;
  for (const StatusAction* action : way) names += (names.empty() ? "" : ", ") + action->name;
  return names;
}

}  // namespace cmms::job
