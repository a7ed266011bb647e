// The table of transforms and the compilation of chains.
#include "core/mapping/transform.hpp"

#include <algorithm>
#include <utility>

#include "core/json/text.hpp"
#include "core/mapping/transforms/transforms.hpp"

namespace cmms::mapping {
namespace {

std::string written(const TransformDefinition& definition) {
  std::string text(definition.name);
  if (!definition.arguments.empty()) text.append(" ").append(definition.arguments);
  return text;
}

std::string known_transforms() {
  std::string list = "Transforms are ";
  for (const TransformDefinition& definition : transform_definitions()) {
    if (&definition != &transform_definitions().front()) list.append(", ");
    list.append(written(definition));
  }
  return list + ".";
}

Error invalid(std::string message) {
  return {ErrorClass::configuration, std::move(message), {}, known_transforms()};
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// As the parser reads it again.
std::string quoted_argument(std::string_view argument, bool is_alone) {
  const bool is_plain = is_alone && !argument.empty() &&
                        std::all_of(argument.begin(), argument.end(), transforms::is_word_character);
  if (is_plain) return std::string(argument);
  std::string text = "\"";
  for (const char c : argument) {
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  return text + "\"";
}

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
    while (!at_end() && transforms::is_word_character(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (name.empty()) return invalid("expected the name of a transform in " + json::quote_clipped(text_));
    const auto& definitions = transform_definitions();
    const auto found = std::find_if(definitions.begin(), definitions.end(),
                                    [&](const TransformDefinition& each) { return each.name == name; });
    if (found == definitions.end()) return invalid("unknown transform " + json::quote_clipped(name));
    skip_blanks();

    Transform transform{&*found};
    Result<std::vector<std::string>> arguments = parse_arguments();
    if (!arguments) return std::move(arguments).error();
    transform.arguments = std::move(arguments).value();
    return checked(std::move(transform));
  }

  // One text without quotes, or texts in quotes of which the last may stand without.
  Result<std::vector<std::string>> parse_arguments() {
    std::vector<std::string> arguments;
    while (!at_end() && text_[at_] != '|') {
      if (arguments.size() >= max_arguments) {
        return invalid("more than " + std::to_string(max_arguments) + " arguments in " +
                       json::quote_clipped(text_));
      }
      Result<std::string> argument = text_[at_] == '"' ? parse_quoted() : parse_plain();
      if (!argument) return std::move(argument).error();
      arguments.push_back(std::move(argument).value());
      skip_blanks();
    }
    return arguments;
  }

  Result<std::string> parse_plain() {
    const std::size_t end = std::min(text_.find('|', at_), text_.size());
    const std::string_view argument = transforms::trimmed(text_.substr(at_, end - at_));
    at_ = end;
    if (argument.find('"') != std::string_view::npos) {
      return invalid("unexpected double quote in " + json::quote_clipped(text_));
    }
    return std::string(argument);
  }

  Result<std::string> parse_quoted() {
    std::string argument;
    for (++at_; !at_end() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_end() || (text_[at_] != '"' && text_[at_] != '\\')) break;
      }
      argument.push_back(text_[at_]);
    }
    if (at_end() || text_[at_] != '"') {
      return invalid("expected a closing double quote in " + json::quote_clipped(text_) +
                     "; only \\\" and \\\\ are escapes");
    }
    ++at_;
    return argument;
  }

  static Result<Transform> checked(Transform transform) {
    const TransformDefinition& definition = *transform.definition;
    const std::string name = "transform " + json::quote_clipped(definition.name);
    const std::size_t count = transform.arguments.size();
    if (count > 0 && definition.most_arguments == 0) return invalid(name + " takes no argument");
    if (count < definition.fewest_arguments || count > definition.most_arguments) {
      return invalid(name + " is written " + written(definition));
    }
    if (definition.prepare == nullptr) return transform;
    Status status = definition.prepare(transform);
    if (status) return transform;
    Error error = std::move(status).error();
    error.message = name + ": " + error.message;
    if (error.hint.empty()) error.hint = known_transforms();
    return error;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

const std::vector<TransformDefinition>& transform_definitions() {
  using namespace transforms;
  static const std::vector<TransformDefinition> definitions{
      {"after", "<text>", 1, 1, after, "the text behind the first place where another stands", "",
       prepare_separator},
      {"before", "<text>", 1, 1, before, "the text in front of it", "", prepare_separator},
      {"boolean", "", 0, 0, boolean, "true or false, from words and 0 or 1 too"},
      {"custom_fields", "", 0, 0, custom_fields,
       "an object of codes and values as a list of fields, or back"},
      {"date", "", 0, 0, date, "the calendar day of a date or time, as written"},
      {"default", "<text>", 1, 1, default_text, "a text in place of null"},
      {"element", "<n>", 1, 1, element, "one element of an array, counted from 0", "", prepare_count},
      {"epoch", "seconds|milliseconds", 1, 1, epoch, "a time in UTC, from a number since 1970", "to_epoch",
       prepare_epoch_unit},
      {"first", "", 0, 0, first, "the first element of an array", ""},
      {"format_time", "\"<format>\" [zone]", 1, 2, format_time, "a time as local text", "time",
       prepare_time_format, verify_time_zone},
      {"hours_to_minutes", "", 0, 0, hours_to_minutes, "hours as minutes", "minutes_to_hours"},
      {"integer", "", 0, 0, integer, "a whole number of 64 bits"},
      {"join", "<text>", 1, 1, join, "the elements of an array with a separator between", "split"},
      {"last", "", 0, 0, last, "the last element of an array", ""},
      {"list", "", 0, 0, list, "an array of the one value", ""},
      {"lower", "", 0, 0, lower, "ASCII letters in lower case"},
      {"map", "<vocabulary>", 1, 1, map, "the mapped value of a vocabulary", "=", prepare_vocabulary},
      {"minor_units", "<currency>", 1, 1, minor_units, "an amount of money, from its minor units",
       "to_minor_units", prepare_currency},
      {"minutes_to_hours", "", 0, 0, minutes_to_hours, "minutes as hours", "hours_to_minutes"},
      {"null_if", "<text>...", 1, max_arguments, null_if, "null in place of these texts"},
      {"null_sentinels", "", 0, 0, null_sentinels, "null in place of texts that mean nothing"},
      {"number", "", 0, 0, number, "a decimal number"},
      {"object", "<text>...", 1, max_arguments, object, "an object with the value as a member", "",
       prepare_object},
      {"pair", "<path>", 1, 1, pair, "the value and another one, for pairs in value maps", "", prepare_pair},
      {"prefix", "<text>", 1, 1, prefix, "a text put in front", ""},
      {"sap_date", "", 0, 0, sap_date, "a time in UTC, from /Date(milliseconds)/", "to_sap_date"},
      {"split", "<text>", 1, 1, split, "the parts of a text as an array", "join", prepare_separator},
      {"sql", "<schema.function>", 1, 1, sql, "what a function makes of it, jsonb to jsonb", "", prepare_sql,
       verify_sql},
      {"string", "", 0, 0, string, "any value as text"},
      {"tag_changes", "<column>", 1, 1, tag_changes, "a list of tags as operations on those of the provider",
       ""},
      {"template", "<text>", 1, 1, template_text, "a text with {paths} filled in", "", prepare_template},
      {"time", "\"<format>\" [zone]", 1, 2, time, "a time in UTC, from local text", "format_time",
       prepare_time_format, verify_time_zone},
      {"timestamp", "", 0, 0, timestamp, "an ISO 8601 time in UTC"},
      {"to_epoch", "seconds|milliseconds", 1, 1, to_epoch, "a time as a number since 1970", "epoch",
       prepare_epoch_unit},
      {"to_minor_units", "<currency>", 1, 1, to_minor_units, "an amount of money in its minor units",
       "minor_units", prepare_currency},
      {"to_sap_date", "", 0, 0, to_sap_date, "a time as /Date(milliseconds)/", "sap_date"},
      {"trim", "", 0, 0, trim, "without white space at either end"},
      {"truncate", "<n>", 1, 1, truncate, "the first characters of a text", "=", prepare_count},
      {"typed_identifier", "", 0, 0, typed_identifier,
       "type:value as an object of both, digits as a number, or back"},
      {"upper", "", 0, 0, upper, "ASCII letters in upper case"},
  };
  return definitions;
}

Result<TransformChain> parse_transforms(std::string_view text) {
  if (json::valid_utf8_length(text) != text.size()) return invalid("transform chain is not valid UTF-8");
  if (text.find('\0') != std::string_view::npos) return invalid("transform chain contains a NUL character");
  return ChainParser(text).parse();
}

std::optional<std::string> inverse_chain(const TransformChain& chain, std::string_view written) {
  const bool is_symmetrical = std::all_of(
      chain.begin(), chain.end(), [](const Transform& each) { return each.definition->inverse == "="; });
  if (is_symmetrical) return std::string(written);
  std::string inverse;
  for (auto transform = chain.rbegin(); transform != chain.rend(); ++transform) {
    const TransformDefinition& definition = *transform->definition;
    if (definition.inverse.empty()) return std::nullopt;
    if (!inverse.empty()) inverse.append(" | ");
    inverse.append(definition.inverse == "=" ? definition.name : definition.inverse);
    for (const std::string& argument : transform->arguments) {
      // A path is one of this direction's document.
      if (definition.prepare == transforms::prepare_currency && argument.starts_with('$'))
        return std::nullopt;
      inverse.append(" ").append(quoted_argument(argument, transform->arguments.size() == 1));
    }
  }
  return parse_transforms(inverse).ok() ? std::optional(inverse) : std::nullopt;
}

Status verify_transforms(const TransformChain& chain, const Environment& environment) {
  for (const Transform& transform : chain) {
    if (transform.definition->verify == nullptr) continue;
    Status status = transform.definition->verify(transform, environment);
    if (status) continue;
    Error error = std::move(status).error();
    error.message = "transform " + json::quote_clipped(transform.definition->name) + ": " + error.message;
    return error;
  }
  return Nothing{};
}

std::optional<TransformFailure> apply_transforms(const TransformChain& chain, json::Field& value,
                                                 const TransformContext& context) {
  for (const Transform& transform : chain) {
    if (auto failure = transform.definition->function(value, transform, context)) return failure;
  }
  return std::nullopt;
}

}  // namespace cmms::mapping
