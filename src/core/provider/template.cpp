// Expands the placeholders of descriptor templates.
#include "core/provider/template.hpp"

#include <algorithm>
#include <array>

namespace cmms::provider {
namespace {

// Options that are templates may refer to further options; deeper than this is a circle.
constexpr int max_nesting = 4;

Error template_error(std::string_view text, std::string_view what) {
  Error error;
  error.error_class = ErrorClass::configuration;
  error.message = "invalid template \"" + std::string(text) + "\": " + std::string(what);
  error.hint =
      "Placeholders are written {name}, {name?} where it may be empty, or {name:odata} inside of a literal "
      "of "
      "OData; {{ and }} are literal braces.";
  return error;
}

using WriteLiteral = std::string (*)(std::string_view text);

// Inside of quotes that the template has: OData's URL conventions, version 2, 'O''Brien'.
std::string odata_literal(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out;
}

struct LiteralForm {
  std::string_view name;
  WriteLiteral write;
};

constexpr std::array<LiteralForm, 1> literal_forms{{{"odata", odata_literal}}};

struct Piece {
  std::string_view literal;  // set unless this is a placeholder
  std::string_view name;
  bool optional = false;
  WriteLiteral write = nullptr;
};

bool is_name(std::string_view name) {
  if (name.empty()) return false;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!letter) return false;
  }
  return true;
}

Result<std::vector<Piece>> split(std::string_view text) {
  std::vector<Piece> pieces;
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t brace = text.find_first_of("{}", position);
    if (brace == std::string_view::npos) {
      pieces.push_back({text.substr(position), {}});
      break;
    }
    if (brace > position) pieces.push_back({text.substr(position, brace - position), {}});
    if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
      pieces.push_back({text.substr(brace, 1), {}});
      position = brace + 2;
      continue;
    }
    if (text[brace] == '}') return template_error(text, "unmatched }");
    const std::size_t end = text.find('}', brace);
    if (end == std::string_view::npos) return template_error(text, "unmatched {");
    std::string_view name = text.substr(brace + 1, end - brace - 1);
    const bool optional = !name.empty() && name.back() == '?';
    if (optional) name.remove_suffix(1);
    Piece piece{{}, name, optional};
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      const auto form =
          std::find_if(literal_forms.begin(), literal_forms.end(),
                       [&](const LiteralForm& each) { return each.name == name.substr(colon + 1); });
      if (form == literal_forms.end()) return template_error(text, "a placeholder has an unknown form");
      piece.write = form->write;
      piece.name = name.substr(0, colon);
    }
    if (!is_name(piece.name)) return template_error(text, "a placeholder is not a name");
    pieces.push_back(piece);
    position = end + 1;
  }
  return pieces;
}

std::string escaped(std::string_view text, Escape escape) {
  return escape == Escape::none ? std::string(text) : percent_encode(text);
}

Result<std::optional<std::string>> expand_nested(std::string_view text, const TemplateLookup& lookup,
                                                 Escape escape, int depth) {
  if (depth > max_nesting) return template_error(text, "placeholders refer to each other in a circle");
  Result<std::vector<Piece>> pieces = split(text);
  if (!pieces) return std::move(pieces).error();
  std::string out;
  for (const Piece& piece : pieces.value()) {
    if (piece.name.empty()) {
      out += piece.literal;
      continue;
    }
    const std::optional<Substitute> found = lookup(piece.name);
    if (!found || found->text.empty()) {
      if (piece.optional) continue;
      return std::optional<std::string>();
    }
    if (!found->is_template) {
      out +=
          piece.write == nullptr ? escaped(found->text, escape) : escaped(piece.write(found->text), escape);
      continue;
    }
    Result<std::optional<std::string>> nested = expand_nested(found->text, lookup, escape, depth + 1);
    if (!nested || !nested.value()) return nested;
    out += *nested.value();
  }
  return std::optional<std::string>(std::move(out));
}

}  // namespace

Result<std::optional<std::string>> expand(std::string_view text, const TemplateLookup& lookup,
                                          Escape escape) {
  return expand_nested(text, lookup, escape, 0);
}

Result<std::vector<std::string>> template_names(std::string_view text) {
  Result<std::vector<Piece>> pieces = split(text);
  if (!pieces) return std::move(pieces).error();
  std::vector<std::string> names;
  for (const Piece& piece : pieces.value()) {
    if (!piece.name.empty()) names.emplace_back(piece.name);
  }
  return names;
}

std::string literal_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c;
    if (c == '{' || c == '}') out += c;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                            (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
                            byte == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    }
  }
  return out;
}

}  // namespace cmms::provider
