// The one read-only view of a JSON document that mapping, paths and jobs read through.
// jansson stands behind it for what goes out and in unit tests, jsonb in the backend, so that a document is
// parsed once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cmms::json {

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

class Value;

// Visits the members of an object in the document's order; returning false stops the walk.
using MemberVisitor = bool (*)(void* context, std::string_view name, const Value& member);

// What a JSON library implements once. Every function gets a handle that the same Reader made.
struct Handle {
  const void* node = nullptr;  // the library's node or container
  std::uint64_t index = 0;     // for libraries that address a scalar by its place in the container
};

struct Reader {
  Kind (*kind)(Handle);
  bool (*boolean)(Handle);
  std::string (*number)(Handle);       // decimal text, exactly as precise as the library holds it
  std::string_view (*string)(Handle);  // UTF-8, valid as long as the document
  std::size_t (*size)(Handle);         // members or elements; 0 for a scalar
  std::optional<Handle> (*member)(Handle, std::string_view name);
  std::optional<Handle> (*element)(Handle, std::size_t position);
  void (*each_member)(Handle, void* context, MemberVisitor visitor);
  std::string (*text)(Handle);  // the node as compact JSON text
};

// A cheap copyable handle; it does not own the document.
class Value {
 public:
  Value() = default;
  Value(const Reader* reader, Handle handle) : reader_(reader), handle_(handle) {}

  // For the library behind the view, which may hand on a node of its own without printing and parsing it.
  const Reader* reader() const { return reader_; }
  Handle handle() const { return handle_; }

  Kind kind() const { return reader_ == nullptr ? Kind::null : reader_->kind(handle_); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_string() const { return kind() == Kind::string; }
  bool is_object() const { return kind() == Kind::object; }
  bool is_array() const { return kind() == Kind::array; }

  bool boolean() const { return reader_->boolean(handle_); }
  std::string number() const { return reader_->number(handle_); }
  std::string_view string() const { return reader_->string(handle_); }
  std::size_t size() const { return reader_ == nullptr ? 0 : reader_->size(handle_); }
  std::string text() const { return reader_ == nullptr ? std::string("null") : reader_->text(handle_); }

  // Absent members and wrong kinds answer nullopt, never an error: what a document lacks is the caller's
  // decision.
  std::optional<Value> member(std::string_view name) const {
    if (!is_object()) return std::nullopt;
    return wrap(reader_->member(handle_, name));
  }
  std::optional<Value> element(std::size_t position) const {
    if (!is_array()) return std::nullopt;
    return wrap(reader_->element(handle_, position));
  }
  template <class Visitor>  // bool(std::string_view, const Value&)
  void each_member(Visitor&& visitor) const {
    if (!is_object()) return;
    reader_->each_member(handle_, &visitor, [](void* context, std::string_view name, const Value& member) {
      return (*static_cast<std::remove_reference_t<Visitor>*>(context))(name, member);
    });
  }

 private:
  std::optional<Value> wrap(std::optional<Handle> handle) const {
    if (!handle) return std::nullopt;
    return Value(reader_, *handle);
  }

  const Reader* reader_ = nullptr;
  Handle handle_;
};

}  // namespace cmms::json
