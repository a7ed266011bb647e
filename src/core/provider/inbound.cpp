// Reading a provider's record: identity, our reference, fields.
#include "core/provider/inbound.hpp"

#include <algorithm>

#include "core/exchange/ascii.hpp"
#include "core/json/field.hpp"
#include "core/json/text.hpp"

namespace cmms::provider {
namespace {

constexpr std::string_view mark_start = "[cmms ";
constexpr std::size_t uuid_length = 36;
constexpr std::size_t mark_length = mark_start.size() + uuid_length + 1;

bool is_hex(char c) { return ascii::is_digit(c) || (ascii::to_lower(c) >= 'a' && ascii::to_lower(c) <= 'f'); }

bool is_uuid(std::string_view text) {
  if (text.size() != uuid_length) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), ascii::to_lower);
  return out;
}

// The uuid of the mark that starts at `position`; empty when none does.
std::string_view mark_at(std::string_view text, std::size_t position) {
  const std::string_view candidate = text.substr(position, mark_length);
  if (candidate.size() != mark_length || candidate.back() != ']') return {};
  if (!ascii::equal_ignore_case(candidate.substr(0, mark_start.size()), mark_start)) return {};
  const std::string_view uuid = candidate.substr(mark_start.size(), uuid_length);
  return is_uuid(uuid) ? uuid : std::string_view();
}

// The first of the paths that holds a scalar with text in it.
std::string first_text(const std::vector<path::Path>& paths, const json::Value& record) {
  for (const path::Path& path : paths) {
    const std::optional<json::Field> field = path.first(record);
    if (!field || field->text.empty()) continue;
    if (field->kind == json::Kind::string || field->kind == json::Kind::number) return field->text;
  }
  return {};
}

// Removes one line break, "\n" or "\r\n", from the end.
bool drop_line_break(std::string& text) {
  if (text.empty() || text.back() != '\n') return false;
  text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return true;
}

void erase_target(mapping::Mapped& mapped, std::string_view target) {
  std::erase_if(mapped.fields, [&](const auto& field) { return field.target == target; });
  std::erase_if(mapped.problems, [&](const auto& problem) { return problem.target == target; });
}

void set_field(mapping::Mapped& mapped, std::string_view target, std::string text) {
  erase_target(mapped, target);
  mapped.fields.push_back({std::string(target), json::Field::string(std::move(text))});
}

// What cannot be read is left out where the descriptor says so.
void drop_omitted_values(const ResourceSpec& spec, mapping::Mapped& mapped) {
  const std::vector<std::string>& omitted = spec.omit_bad_values;
  std::erase_if(mapped.problems, [&](const mapping::Problem& problem) {
    return problem.kind == mapping::ProblemKind::bad_value &&
           std::find(omitted.begin(), omitted.end(), problem.target) != omitted.end();
  });
}

}  // namespace

std::string source_key(std::string_view resource) { return "source_" + std::string(resource) + "_id"; }

void set_source_id(std::string_view resource, std::string_view id, InboundRecord& inbound) {
  inbound.source_record_id = id;
  set_field(inbound.mapped, source_key(resource), std::string(id));
}

void set_updated_at(const ResourceMaps& maps, const std::string& time, InboundRecord& inbound) {
  if (time.empty() || inbound.mapped.find("source_updated_at") != nullptr) return;
  static const Result<mapping::TransformChain> iso = mapping::parse_transforms("timestamp");
  static const Result<mapping::TransformChain> odata = mapping::parse_transforms("sap_date");
  const mapping::TransformContext context{maps.inbound_values};
  for (const auto* chain : {&iso, &odata}) {
    json::Field field = json::Field::string(time);
    if (mapping::apply_transforms(chain->value(), field, context) || field.is_null()) continue;
    return set_field(inbound.mapped, "source_updated_at", std::move(field.text));
  }
}

std::string record_id(const ResourceMaps& maps, const json::Value& record) {
  return first_text(maps.id, record);
}

std::string record_updated_at(const ResourceMaps& maps, const json::Value& record) {
  return first_text(maps.updated_at, record);
}

std::string record_revision(const ResourceMaps& maps, const json::Value& record) {
  return first_text(maps.revision, record);
}

std::string reference_mark(std::string_view reference) {
  return std::string(mark_start) + std::string(reference) + "]";
}

std::string reference_short(std::string_view reference) {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::size_t length = 20;
  constexpr int bits_of_digit = 4;
  constexpr int bits_of_letter = 5;
  std::string out;
  unsigned int bits = 0;
  int count = 0;
  for (const char c : reference) {
    if (!is_hex(c)) continue;
    const auto digit =
        static_cast<unsigned int>(ascii::is_digit(c) ? c - '0' : ascii::to_lower(c) - 'a' + 10);
    bits = (bits << static_cast<unsigned int>(bits_of_digit)) | digit;
    count += bits_of_digit;
    if (count < bits_of_letter) continue;
    count -= bits_of_letter;
    out += alphabet[(bits >> static_cast<unsigned int>(count)) & 31U];
    if (out.size() == length) break;
  }
  return out;
}

std::optional<std::string> find_reference(std::string_view text) {
  // Ours stands at the end; one further up was copied from another order.
  for (std::size_t position = text.rfind('['); position != std::string_view::npos;) {
    if (const std::string_view uuid = mark_at(text, position); !uuid.empty()) return lower(uuid);
    if (position == 0) break;
    position = text.rfind('[', position - 1);
  }
  return std::nullopt;
}

std::string strip_reference(std::string_view text, std::string_view reference) {
  for (std::size_t position = text.rfind('['); position != std::string_view::npos;) {
    if (ascii::equal_ignore_case(mark_at(text, position), reference)) {
      std::string kept(text.substr(0, position));
      // The separator that we wrote: an empty line, or a blank.
      if (drop_line_break(kept)) {
        drop_line_break(kept);
      } else if (!kept.empty() && kept.back() == ' ') {
        kept.pop_back();
      }
      return kept.append(text.substr(position + mark_length));
    }
    if (position == 0) break;
    position = text.rfind('[', position - 1);
  }
  return std::string(text);
}

std::string record_reference(const ResourceMaps& maps, const json::Value& record) {
  const std::string own = first_text(maps.mapped_reference, record);
  if (is_uuid(own)) return lower(own);
  if (auto found = find_reference(own)) return *found;
  if (!maps.reference) return {};
  for (const path::Path& path : maps.reference->read) {
    for (const json::Value& value : path.all(record)) {
      if (!value.is_string()) continue;
      if (is_uuid(value.string())) return lower(value.string());
      if (auto found = find_reference(value.string())) return *found;
    }
  }
  return {};
}

std::vector<LearntValue> learn_values(const ResourceMaps& maps, const json::Value& record) {
  std::vector<LearntValue> values;
  for (const LearnPaths& learn : maps.learn) {
    LearntValue value{learn.vocabulary, first_text(learn.id, record), first_text(learn.name, record)};
    if (!value.value_id.empty() && !value.value_name.empty()) values.push_back(std::move(value));
  }
  return values;
}

std::string problems_json(const std::vector<mapping::Problem>& problems) {
  std::string text = "[";
  for (const mapping::Problem& problem : problems) {
    if (text.size() > 1) text += ",";
    text += "{\"kind\":" + json::quote(mapping::problem_kind_name(problem.kind));
    text += ",\"target\":" + json::quote(problem.target);
    text += ",\"vocabulary\":" + (problem.vocabulary.empty() ? "null" : json::quote(problem.vocabulary));
    text += ",\"value\":" + json::quote(problem.value);
    text += ",\"message\":" + json::quote(problem.message) + "}";
  }
  return text + "]";
}

InboundRecord to_inbound(const Connection& connection, std::string_view resource, const json::Value& record) {
  InboundRecord inbound;
  const ResourceMaps* maps = connection.maps(resource);
  if (maps == nullptr) return inbound;
  inbound.mapped = maps->inbound.apply(record, maps->inbound_values, mapping::Direction::inbound,
                                       mapping::Operation::update);
  mapping::Mapped& mapped = inbound.mapped;
  if (const ResourceSpec* spec = connection.descriptor->resource(resource); spec != nullptr) {
    drop_omitted_values(*spec, mapped);
  }
  inbound.source_record_id = record_id(*maps, record);
  inbound.reference = record_reference(*maps, record);
  erase_target(mapped, "reference");
  if (inbound.source_record_id.empty()) {
    const std::string key = source_key(resource);
    erase_target(mapped, key);
    mapped.problems.push_back({mapping::ProblemKind::missing_required, key, "", "",
                               "the record has no id where the provider's records have it"});
  } else {
    set_field(mapped, source_key(resource), inbound.source_record_id);
  }
  set_updated_at(*maps, record_updated_at(*maps, record), inbound);
  if (std::string revision = first_text(maps->revision, record); !revision.empty()) {
    set_field(mapped, "source_revision", std::move(revision));
  }
  if (inbound.reference.empty()) return inbound;
  for (mapping::MappedField& field : mapped.fields) {
    if (field.value.kind != json::Kind::string) continue;
    std::string own_text = strip_reference(field.value.text, inbound.reference);
    // A field that held nothing but our reference is an empty field.
    const bool is_cleared = own_text.empty() && !field.value.text.empty();
    field.value = is_cleared ? json::Field::null() : json::Field::string(std::move(own_text));
  }
  set_field(mapped, "reference", inbound.reference);
  return inbound;
}

}  // namespace cmms::provider
