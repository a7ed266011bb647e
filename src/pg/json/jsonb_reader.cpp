#include "pg/prelude.hpp"

#include "pg/json/jsonb_reader.hpp"

#include <compare>
#include <cstring>

#include "core/json/field.hpp"
#include "pg/boundary/guard.hpp"
#include "pg/boundary/spi.hpp"
#include "pg/json/jsonb_writer.hpp"

// jsonb keeps a container's keys and values as an array of JEntry words followed by the data. A scalar has no
// header of its own, so a Handle names it by its container and its entry's place; a container is named by
// itself.
namespace cmms::pg {
namespace {

constexpr std::uint64_t whole_container = UINT64_MAX;

const JsonbContainer* container_of(json::Handle handle) {
  return static_cast<const JsonbContainer*>(handle.node);
}

json::Handle container_handle(const JsonbContainer* container) { return {container, whole_container}; }

// Objects hold all keys first, then all values in the same order.
int entry_count(const JsonbContainer* container) {
  const int size = static_cast<int>(JsonContainerSize(container));
  return JsonContainerIsObject(container) ? size * 2 : size;
}

struct Entry {
  JEntry word;
  const char* data;
  std::uint32_t offset;
  std::uint32_t length;
};

Entry entry_at(const JsonbContainer* container, int index) {
  const char* base = reinterpret_cast<const char*>(&container->children[entry_count(container)]);
  const std::uint32_t offset = getJsonbOffset(container, index);
  return {container->children[index], base + offset, offset, getJsonbLength(container, index)};
}

Entry entry_of(json::Handle handle) { return entry_at(container_of(handle), static_cast<int>(handle.index)); }

bool is_container(json::Handle handle) { return handle.index == whole_container; }

// Numbers and nested containers are aligned inside the data area.
const char* aligned_data(const Entry& entry) { return entry.data - entry.offset + INTALIGN(entry.offset); }

json::Handle child_handle(const JsonbContainer* container, int index) {
  if (!JBE_ISCONTAINER(container->children[index])) return {container, static_cast<std::uint64_t>(index)};
  const Entry entry = entry_at(container, index);
  return container_handle(reinterpret_cast<const JsonbContainer*>(aligned_data(entry)));
}

json::Kind kind(json::Handle handle) {
  if (is_container(handle)) {
    return JsonContainerIsObject(container_of(handle)) ? json::Kind::object : json::Kind::array;
  }
  const JEntry word = container_of(handle)->children[handle.index];
  if (JBE_ISSTRING(word)) return json::Kind::string;
  if (JBE_ISNUMERIC(word)) return json::Kind::number;
  if (JBE_ISBOOL(word)) return json::Kind::boolean;
  return json::Kind::null;
}

bool boolean(json::Handle handle) {
  return !is_container(handle) && JBE_ISBOOL_TRUE(container_of(handle)->children[handle.index]);
}

std::string number(json::Handle handle) {
  if (kind(handle) != json::Kind::number) return {};
  const char* data = aligned_data(entry_of(handle));
  char* digits =
      pg_call([&] { return DatumGetCString(DirectFunctionCall1(numeric_out, PointerGetDatum(data))); });
  std::string text(digits);
  pfree(digits);
  return text;
}

std::string_view string(json::Handle handle) {
  if (kind(handle) != json::Kind::string) return {};
  const Entry entry = entry_of(handle);
  return {entry.data, entry.length};
}

std::size_t size(json::Handle handle) {
  return is_container(handle) ? JsonContainerSize(container_of(handle)) : 0;
}

std::string_view key_at(const JsonbContainer* container, int position) {
  const Entry entry = entry_at(container, position);
  return {entry.data, entry.length};
}

// As compare_keys(). Where a key lies is the sum of the lengths before it, which most comparisons can do
// without.
std::strong_ordering compare_key(const JsonbContainer* container, int position, std::string_view name) {
  const std::size_t length = getJsonbLength(container, position);
  return length != name.size() ? length <=> name.size() : key_at(container, position) <=> name;
}

std::optional<json::Handle> member(json::Handle handle, std::string_view name) {
  if (kind(handle) != json::Kind::object) return std::nullopt;
  const JsonbContainer* container = container_of(handle);
  const int count = static_cast<int>(JsonContainerSize(container));
  int low = 0;
  int high = count;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    const std::strong_ordering order = compare_key(container, middle, name);
    if (order == 0) return child_handle(container, count + middle);
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

std::optional<json::Handle> element(json::Handle handle, std::size_t position) {
  if (kind(handle) != json::Kind::array || position >= size(handle)) return std::nullopt;
  return child_handle(container_of(handle), static_cast<int>(position));
}

extern const json::Reader reader;

void each_member(json::Handle handle, void* context, json::MemberVisitor visitor) {
  if (kind(handle) != json::Kind::object) return;
  const JsonbContainer* container = container_of(handle);
  const int count = static_cast<int>(JsonContainerSize(container));
  for (int i = 0; i < count; ++i) {
    if (!visitor(context, key_at(container, i), json::Value(&reader, child_handle(container, count + i))))
      return;
  }
}

// JsonbToCString() writes a space after ',' and ':'; compact text has none outside of strings.
std::string compact(std::string_view spaced) {
  std::string text;
  text.reserve(spaced.size());
  bool in_string = false;
  for (std::size_t i = 0; i < spaced.size(); ++i) {
    const char byte = spaced[i];
    if (byte == '"') in_string = !in_string;
    if (byte == ' ' && !in_string) continue;
    text.push_back(byte);
    if (byte == '\\' && in_string && i + 1 < spaced.size()) text.push_back(spaced[++i]);
  }
  return text;
}

std::string text(json::Handle handle) {
  if (!is_container(handle)) return json::Field::from(json::Value(&reader, handle)).to_json();
  char* spaced = pg_call([&] {
    return JsonbToCString(nullptr, const_cast<JsonbContainer*>(container_of(handle)), /* estimate */ 256);
  });
  std::string result = compact(spaced);
  pfree(spaced);
  return result;
}

const json::Reader reader = {kind, boolean, number, string, size, member, element, each_member, text};

}  // namespace

json::Value jsonb_value(const Jsonb* document) {
  const JsonbContainer* root = &document->root;
  // A scalar document is stored as an array of one with a flag.
  if (JsonContainerIsScalar(root)) return json::Value(&reader, {root, 0});
  return json::Value(&reader, container_handle(root));
}

Datum jsonb_from_text(std::string_view text) { return Param::json(text).to_datum(); }

Datum jsonb_from_value(const json::Value& value) {
  if (value.reader() != &reader || !is_container(value.handle())) return jsonb_from_text(value.text());
  // Containers are position-independent: a nested one is a document as it stands.
  const JsonbContainer* container = container_of(value.handle());
  const int count = entry_count(container);
  std::size_t size = offsetof(JsonbContainer, children) + static_cast<std::size_t>(count) * sizeof(JEntry);
  if (count > 0) size += getJsonbOffset(container, count - 1) + getJsonbLength(container, count - 1);
  return pg_call([&] {
    auto* document = static_cast<Jsonb*>(palloc(VARHDRSZ + size));
    SET_VARSIZE(document, VARHDRSZ + size);
    std::memcpy(&document->root, container, size);
    return JsonbPGetDatum(document);
  });
}

std::string json_from_fields(const std::vector<mapping::MappedField>& fields) {
  std::string text = "{";
  for (const auto& field : fields) {
    if (text.size() > 1) text.push_back(',');
    text += json::Field::string(field.target).to_json();
    text.push_back(':');
    text += field.value.to_json();
  }
  text.push_back('}');
  return text;
}

std::string column_text(const json::Field& field) {
  if (field.kind != json::Kind::array && field.kind != json::Kind::object) return field.text;
  const Datum document = jsonb_from_field(field);
  char* text = pg_call([&] {
    Jsonb* container = DatumGetJsonbP(document);
    return JsonbToCString(nullptr, &container->root, static_cast<int>(VARSIZE(container)));
  });
  return text;
}

Datum text_array_from_field(const json::Field& field) {
  if (field.kind != json::Kind::array) return Param::typed(TEXTARRAYOID, field.text).to_datum();
  const Datum document = jsonb_from_field(field);
  const json::Value array = jsonb_value(reinterpret_cast<const Jsonb*>(DatumGetPointer(document)));
  TextList elements;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const json::Field element = json::Field::from(array.element(i).value_or(json::Value()));
    elements.push_back(element.is_null() ? std::nullopt : std::optional(column_text(element)));
  }
  return Param::array(TEXTARRAYOID, elements).to_datum();
}

}  // namespace cmms::pg
