#include "pg/prelude.hpp"

#include "pg/preview/preview_row.hpp"

#include <algorithm>

#include "pg/json/jsonb_writer.hpp"

namespace cmms::pg {
namespace {

std::string paths_of(const mapping::Rule& rule) {
  std::string text;
  for (const path::Path& path : rule.sources) text += (text.empty() ? "" : ", ") + path.text();
  return text;
}

Param json_or_null(const std::optional<json::Field>& field) {
  if (!field) return Param::null(JSONBOID);
  return Param::datum(JSONBOID, jsonb_from_field(*field));
}

}  // namespace

void add_source(const mapping::FieldMap& map, const json::Value& document, PreviewRow& row) {
  const auto& rules = map.rules();
  const auto rule = std::find_if(rules.begin(), rules.end(),
                                 [&](const mapping::Rule& each) { return each.target == row.target; });
  if (rule == rules.end()) return;
  row.rule = rule->text;
  if (std::optional<mapping::SourceValue> found = mapping::read_sources(*rule, document)) {
    row.source = found->path->text();
    row.raw_value = std::move(found->value);
  } else if (!rule->sources.empty()) {
    row.source = paths_of(*rule);
  }
}

void add_error(const mapping::Mapped& mapped, PreviewRow& row) {
  for (const mapping::Problem& problem : mapped.problems) {
    if (problem.target == row.target) row.error = problem.message;
  }
}

void write_row(ResultSet& result, const PreviewRow& row, int map_version) {
  result.add({row.outcome, row.target.empty() ? Param::null(TEXTOID) : Param(row.target), row.source,
              json_or_null(row.raw_value), row.rule, static_cast<std::int32_t>(map_version),
              json_or_null(row.result), Param::typed(JSONBOID, row.current), row.owner, row.decision,
              row.would_write, row.error});
}

}  // namespace cmms::pg
