#include "pg/prelude.hpp"

#include "pg/catalog/configuration_rows.hpp"

#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"

namespace cmms::pg {

std::optional<std::string> read_descriptor(std::string_view provider_type) {
  static Statement statement("SELECT descriptor FROM cmms.provider_type WHERE provider_type = $1", {TEXTOID});
  const Spi spi;
  const Rows rows = statement.execute({provider_type});
  if (rows.empty()) return std::nullopt;
  return rows.text(0, 0);
}

provider::Descriptor parse_descriptor(std::string_view provider_type, std::string_view text) {
  Result<provider::Descriptor> descriptor = provider::parse_descriptor(text);
  if (descriptor) return std::move(descriptor).value();
  Error error = std::move(descriptor).error();
  error.detail = "It is the descriptor of provider type \"" + std::string(provider_type) +
                 "\", a row of cmms.provider_type.";
  if (error.hint.empty()) error.hint = "Each member is explained in docs/descriptor.md.";
  raise(error);
}

std::string provider_type_list() {
  static Statement statement(
      "SELECT pg_catalog.string_agg(provider_type, ', ' ORDER BY provider_type) FROM cmms.provider_type", {});
  const Spi spi;
  return statement.execute().text_or(0, 0, "none");
}

std::vector<provider::FieldRow> read_field_rows(std::string_view provider_id) {
  static Statement statement(
      "SELECT resource, direction, target, source, transform, required, default_value, on_operation, owner"
      " FROM cmms.field_map WHERE provider_id = $1 ORDER BY resource, direction, position, target",
      {TEXTOID});
  const Spi spi;
  const Rows rows = statement.execute({provider_id});
  std::vector<provider::FieldRow> result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    provider::FieldRow row;
    row.resource = rows.text_or(i, 0, "");
    row.direction = rows.text_or(i, 1, "");
    row.target = rows.text_or(i, 2, "");
    row.source = rows.text(i, 3);
    row.transform = rows.text_or(i, 4, "");
    row.required = rows.boolean(i, 5);
    row.default_value = rows.text(i, 6);
    row.on_operation = rows.text_or(i, 7, "always");
    row.owner = rows.text_or(i, 8, "newest");
    result.push_back(std::move(row));
  }
  return result;
}

std::vector<provider::ValueRow> read_value_rows(std::string_view provider_id) {
  static Statement statement(
      "SELECT resource, vocabulary, direction, source_value, target_value, match, precedence"
      " FROM cmms.value_map WHERE provider_id = $1",
      {TEXTOID});
  const Spi spi;
  const Rows rows = statement.execute({provider_id});
  std::vector<provider::ValueRow> result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.push_back(
        {.resource = rows.text_or(i, 0, ""),
         .vocabulary = rows.text_or(i, 1, ""),
         .direction = rows.text_or(i, 2, ""),
         .rule = {.source = rows.text_or(i, 3, ""),
                  .target = rows.text_or(i, 4, ""),
                  .match = mapping::parse_match(rows.text_or(i, 5, "")).value_or(mapping::Match::exact),
                  .precedence = static_cast<int>(rows.integer(i, 6))}});
  }
  return result;
}

int read_map_version(std::string_view provider_id) {
  static Statement statement("SELECT max(map_version) FROM cmms.map_version WHERE provider_id = $1",
                             {TEXTOID});
  const Spi spi;
  return static_cast<int>(statement.execute({provider_id}).integer(0, 0, 0));
}

std::vector<provider::LearntValue> read_learnt_values(std::string_view tenant_id,
                                                      std::string_view provider_id) {
  // The newest first: where a provider gave one name to two ids, or renamed one, the current one counts.
  static Statement statement(
      "SELECT vocabulary, value_id, value_name FROM cmms.provider_value WHERE tenant_id = $1 AND provider_id "
      "= $2"
      " ORDER BY vocabulary, last_seen_at DESC, value_id",
      {TEXTOID, TEXTOID});
  const Spi spi;
  const Rows rows = statement.execute({tenant_id, provider_id});
  std::vector<provider::LearntValue> result;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    result.push_back({.vocabulary = rows.text_or(i, 0, ""),
                      .value_id = rows.text_or(i, 1, ""),
                      .value_name = rows.text_or(i, 2, "")});
  }
  return result;
}

}  // namespace cmms::pg
