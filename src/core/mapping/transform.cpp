// The table of transforms and the compilation of chains.
#include "core/mapping/transform.hpp"

#include <algorithm>
#include <utility>

#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping {
namespace {

std::string known_transforms() {
  std::string list = "Transforms are ";
  for (const TransformDefinition& definition : transform_definitions()) {
    if (&definition != &transform_definitions().front()) list.append(", ");
    list.append(definition.name);
    if (definition.argument == ArgumentRule::text) list.append(" <text>");
    if (definition.argument == ArgumentRule::vocabulary) list.append(" <vocabulary>");
  }
  return list + ".";
}

Error invalid(std::string message) {
  return {ErrorClass::configuration, std::move(message), {}, known_transforms()};
}

std::string quoted(std::string_view text) { return json::quote(json::clip(text, 100)); }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.';
}

bool is_word(std::string_view text) { return std::all_of(text.begin(), text.end(), is_word_character); }

class ChainParser {
 public:
  explicit ChainParser(std::string_view text) : text_(text) {}

  Result<TransformChain> parse() {
    TransformChain chain;
    skip_blanks();
    if (at_end()) return chain;
    while (true) {
      if (chain.size() >= max_chain_length) {
        return invalid("transform chain has more than " + std::to_string(max_chain_length) + " transforms");
      }
      Result<Transform> transform = parse_one();
      if (!transform) return std::move(transform).error();
      chain.push_back(std::move(transform).value());
      if (at_end()) return chain;
      ++at_;  // the '|'
      skip_blanks();
    }
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }

  void skip_blanks() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }

  // Ends at a '|' or at the end of the text.
  Result<Transform> parse_one() {
    const std::size_t start = at_;
    while (!at_end() && is_word_character(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (name.empty()) return invalid("expected the name of a transform in " + quoted(text_));
    const auto& definitions = transform_definitions();
    const auto found = std::find_if(definitions.begin(), definitions.end(),
                                    [&](const TransformDefinition& each) { return each.name == name; });
    if (found == definitions.end()) return invalid("unknown transform " + quoted(name));
    skip_blanks();

    Transform transform{&*found, {}};
    const bool has_argument = !at_end() && text_[at_] != '|';
    if (has_argument) {
      Result<std::string> argument = parse_argument();
      if (!argument) return std::move(argument).error();
      transform.argument = std::move(argument).value();
    }
    return checked(std::move(transform), has_argument);
  }

  Result<std::string> parse_argument() {
    if (text_[at_] != '"') {
      const std::size_t end = std::min(text_.find('|', at_), text_.size());
      const std::string_view argument = transforms::trimmed(text_.substr(at_, end - at_));
      at_ = end;
      if (argument.find('"') != std::string_view::npos) {
        return invalid("unexpected double quote in " + quoted(text_));
      }
      return std::string(argument);
    }
    std::string argument;
    for (++at_; !at_end() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_end() || (text_[at_] != '"' && text_[at_] != '\\')) break;
      }
      argument.push_back(text_[at_]);
    }
    if (at_end() || text_[at_] != '"') {
      return invalid("expected a closing double quote in " + quoted(text_) +
                     "; only \\\" and \\\\ are escapes");
    }
    ++at_;
    skip_blanks();
    if (!at_end() && text_[at_] != '|')
      return invalid("expected | after a quoted argument in " + quoted(text_));
    return argument;
  }

  static Result<Transform> checked(Transform transform, bool has_argument) {
    const TransformDefinition& definition = *transform.definition;
    const std::string name = quoted(definition.name);
    switch (definition.argument) {
      case ArgumentRule::none:
        if (has_argument) return invalid("transform " + name + " takes no argument");
        break;
      case ArgumentRule::text:
        if (!has_argument) return invalid("transform " + name + " needs a text");
        break;
      case ArgumentRule::vocabulary:
        if (transform.argument.empty() || !is_word(transform.argument)) {
          return invalid("transform " + name + " needs the name of a vocabulary");
        }
        break;
    }
    return transform;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const std::vector<TransformDefinition>& transform_definitions() {
  static const std::vector<TransformDefinition> definitions{
      {"boolean", ArgumentRule::none, transforms::boolean, "true or false, from words and 0 or 1 too"},
      {"date", ArgumentRule::none, transforms::date, "the calendar day of a date or time, as written"},
      {"default", ArgumentRule::text, transforms::default_text, "a text in place of null"},
      {"first", ArgumentRule::none, transforms::first, "the first element of an array"},
      {"integer", ArgumentRule::none, transforms::integer, "a whole number of 64 bits"},
      {"join", ArgumentRule::text, transforms::join, "the elements of an array with a separator between"},
      {"lower", ArgumentRule::none, transforms::lower, "ASCII letters in lower case"},
      {"map", ArgumentRule::vocabulary, transforms::map, "the mapped value of a vocabulary"},
      {"null_if", ArgumentRule::text, transforms::null_if, "null in place of a text"},
      {"number", ArgumentRule::none, transforms::number, "a decimal number"},
      {"prefix", ArgumentRule::text, transforms::prefix, "a text put in front"},
      {"string", ArgumentRule::none, transforms::string, "any value as text"},
      {"timestamp", ArgumentRule::none, transforms::timestamp, "an ISO 8601 time in UTC"},
      {"trim", ArgumentRule::none, transforms::trim, "without white space at either end"},
      {"upper", ArgumentRule::none, transforms::upper, "ASCII letters in upper case"},
  };
  return definitions;
}

Result<TransformChain> parse_transforms(std::string_view text) {
  if (json::valid_utf8_length(text) != text.size()) return invalid("transform chain is not valid UTF-8");
  if (text.find('\0') != std::string_view::npos) return invalid("transform chain contains a NUL character");
  return ChainParser(text).parse();
}

std::optional<TransformFailure> apply_transforms(const TransformChain& chain, json::Field& value,
                                                 const TransformContext& context) {
  for (const Transform& transform : chain) {
    if (auto failure = transform.definition->function(value, transform.argument, context)) return failure;
  }
  return std::nullopt;
}

}  // namespace cmms::mapping
