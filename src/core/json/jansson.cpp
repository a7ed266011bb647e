// jansson behind the Value view. A scan before it checks what jansson would learn too late or lose:
// nesting depth, the number of values, NUL characters and the digits of numbers.
#include "core/json/jansson.hpp"

#include <jansson.h>

#include <cstdint>
#include <string>
#include <utility>

namespace cmms::json {
namespace {

// jansson holds fractions as doubles, which change digits ("0.1" + "12345678901234.5678"). The scan therefore
// hands such a number to jansson as a string that starts with NUL. No document can forge one: NUL is refused
// everywhere else.
constexpr char exact_number_mark = '\0';
constexpr std::string_view exact_number_open = "\"\\u0000";
constexpr std::size_t max_integer_bytes = 18;  // always fits an int64

std::string at_offset(std::size_t offset) { return " at offset " + std::to_string(offset); }

Error refused(std::string message, std::string detail = {}) {
  return {ErrorClass::validation, std::move(message), std::move(detail), {}};
}

class Scanner {
 public:
  Scanner(std::string_view text, const Limits& limits) : text_(text), limits_(limits) {}

  // What jansson shall parse: the text itself, or the copy in which exact numbers are marked.
  Result<std::string_view> scan() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      bool good = true;
      if (c == '"') {
        good = skip_string();
      } else if (c == '-' || (c >= '0' && c <= '9')) {
        good = scan_number();
      } else {
        good = count_structure(c);
        ++at_;
      }
      if (!good) return std::move(error_);
    }
    if (marked_.empty()) return text_;
    marked_.append(text_.substr(copied_));
    return std::string_view(marked_);
  }

 private:
  bool fail(Error error) {
    error_ = std::move(error);
    return false;
  }

  bool count_structure(char c) {
    if (c == '{' || c == '[') {
      if (++depth_ > limits_.max_depth) {
        return fail(
            refused("JSON document is nested deeper than " + std::to_string(limits_.max_depth) + " levels",
                    "The limit is passed" + at_offset(at_) + "."));
      }
    } else if (c == '}' || c == ']') {
      if (depth_ > 0) --depth_;
      return true;
    } else if (c != ',') {
      return true;
    }
    if (++values_ > limits_.max_values) {
      return fail(refused("JSON document has more than " + std::to_string(limits_.max_values) + " values"));
    }
    return true;
  }

  // A string that does not end is left for jansson to report.
  bool skip_string() {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        ++at_;
        continue;
      }
      if (text_.substr(at_ + 1, 5) == "u0000") {
        return fail(refused("JSON document contains a NUL character",
                            "The escape \\u0000" + at_offset(at_) + " cannot be stored as text."));
      }
      at_ += 2;
    }
    ++at_;
    return true;
  }

  bool scan_number() {
    const std::string_view number = text_.substr(at_, number_length(text_.substr(at_)));
    if (number.empty()) {  // malformed: jansson reports it
      ++at_;
      return true;
    }
    if (!number_in_range(number)) {
      return fail(refused("number out of range in JSON document",
                          "The number" + at_offset(at_) + " (" + clip(number, 40) +
                              ") has more than 1000 characters or an exponent beyond 1000."));
    }
    if (number.size() > max_integer_bytes || number.find_first_of(".eE") != std::string_view::npos) {
      if (marked_.empty()) marked_.reserve(text_.size() + 256);
      marked_.append(text_.substr(copied_, at_ - copied_));
      marked_.append(exact_number_open).append(number).push_back('"');
      copied_ = at_ + number.size();
    }
    at_ += number.size();
    return true;
  }

  std::string_view text_;
  const Limits& limits_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t values_ = 0;
  std::string marked_;
  std::size_t copied_ = 0;
  Error error_;
};

const json_t* node_of(Handle handle) { return static_cast<const json_t*>(handle.node); }

std::string_view string_of(const json_t* node) { return {json_string_value(node), json_string_length(node)}; }

bool is_exact_number(const json_t* node) {
  return json_string_length(node) > 0 && json_string_value(node)[0] == exact_number_mark;
}

Kind kind_of(const json_t* node) {
  switch (json_typeof(node)) {
    case JSON_OBJECT:
      return Kind::object;
    case JSON_ARRAY:
      return Kind::array;
    case JSON_STRING:
      return is_exact_number(node) ? Kind::number : Kind::string;
    case JSON_INTEGER:
    case JSON_REAL:
      return Kind::number;
    case JSON_TRUE:
    case JSON_FALSE:
      return Kind::boolean;
    case JSON_NULL:
      return Kind::null;
  }
  return Kind::null;
}

std::string number_of(const json_t* node) {
  if (json_is_string(node)) return std::string(string_of(node).substr(1));
  return std::to_string(json_integer_value(node));
}

template <class Visitor>  // bool(std::string_view, const json_t*)
void for_each_member(const json_t* object, Visitor&& visitor) {
  auto* walked = const_cast<json_t*>(object);  // jansson's iterators are not const, but only read
  for (void* at = json_object_iter(walked); at != nullptr; at = json_object_iter_next(walked, at)) {
    if (!visitor(std::string_view(json_object_iter_key(at)), json_object_iter_value(at))) return;
  }
}

void append_text(std::string& out, const json_t* node) {
  bool first = true;
  auto separate = [&] {
    if (!first) out.push_back(',');
    first = false;
  };
  switch (kind_of(node)) {
    case Kind::null:
      out.append("null");
      break;
    case Kind::boolean:
      out.append(json_is_true(node) ? "true" : "false");
      break;
    case Kind::number:
      out.append(number_of(node));
      break;
    case Kind::string:
      append_quoted(out, string_of(node));
      break;
    case Kind::array:
      out.push_back('[');
      for (std::size_t i = 0; i < json_array_size(node); ++i) {
        separate();
        append_text(out, json_array_get(node, i));
      }
      out.push_back(']');
      break;
    case Kind::object:
      out.push_back('{');
      for_each_member(node, [&](std::string_view name, const json_t* member) {
        separate();
        append_quoted(out, name);
        out.push_back(':');
        append_text(out, member);
        return true;
      });
      out.push_back('}');
      break;
  }
}

std::optional<Handle> wrap(const json_t* node) {
  if (node == nullptr) return std::nullopt;
  return Handle{node, 0};
}

const json_t* find_member(const json_t* object, std::string_view name) {
#if JANSSON_VERSION_HEX >= 0x020e00
  return json_object_getn(object, name.data(), name.size());
#else
  return json_object_get(object, std::string(name).c_str());
#endif
}

std::size_t size_of(Handle handle) {
  const json_t* node = node_of(handle);
  return json_is_array(node) ? json_array_size(node) : json_object_size(node);
}

extern const Reader reader;

void each_member(Handle handle, void* context, MemberVisitor visitor) {
  for_each_member(node_of(handle), [&](std::string_view name, const json_t* member) {
    return visitor(context, name, Value(&reader, Handle{member, 0}));
  });
}

std::string text_of(Handle handle) {
  std::string out;
  append_text(out, node_of(handle));
  return out;
}

const Reader reader{
    .kind = [](Handle handle) { return kind_of(node_of(handle)); },
    .boolean = [](Handle handle) { return json_is_true(node_of(handle)); },
    .number = [](Handle handle) { return number_of(node_of(handle)); },
    .string = [](Handle handle) { return string_of(node_of(handle)); },
    .size = size_of,
    .member = [](Handle handle, std::string_view name) { return wrap(find_member(node_of(handle), name)); },
    .element = [](Handle handle,
                  std::size_t position) { return wrap(json_array_get(node_of(handle), position)); },
    .each_member = each_member,
    .text = text_of,
};

// jansson quotes the offending text after " near "; it may be cut inside a character and is not ours to show.
Error syntax_error(const json_error_t& error) {
  std::string_view reason(error.text);
  reason = reason.substr(0, reason.find(" near "));
  return refused("invalid JSON: " + clip(reason, 100), "The error is at line " + std::to_string(error.line) +
                                                           ", column " + std::to_string(error.column) + ".");
}

}  // namespace

void Document::Release::operator()(json_t* node) const { json_decref(node); }

Result<Document> Document::parse(std::string_view text, const Limits& limits) {
  static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.size() > limits.max_bytes) {
    return refused("JSON document of " + std::to_string(text.size()) + " bytes exceeds the limit of " +
                   std::to_string(limits.max_bytes) + " bytes");
  }
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (const std::size_t valid = valid_utf8_length(text); valid != text.size()) {
    return refused("JSON document is not valid UTF-8", "The first invalid byte is" + at_offset(valid) + ".");
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return refused("JSON document contains a NUL character", "The byte is" + at_offset(nul) + ".");
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return refused("JSON document is empty");

  Scanner scanner(text, limits);
  Result<std::string_view> scanned = scanner.scan();
  if (!scanned) return std::move(scanned).error();
  const std::string_view parsed = scanned.value();

  constexpr std::size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
  json_error_t error;
  json_t* root = json_loadb(parsed.data(), parsed.size(), flags, &error);
  if (root == nullptr) {
    // Marked numbers shift the columns: ask about the original text, which has the same fault.
    if (parsed.data() != text.data()) {
      json_error_t original;
      if (json_t* unexpected = json_loadb(text.data(), text.size(), flags, &original)) {
        json_decref(unexpected);
      } else {
        error = original;
      }
    }
    return syntax_error(error);
  }
  return Document(root);
}

Value Document::root() const { return {&reader, Handle{root_.get(), 0}}; }

}  // namespace cmms::json
