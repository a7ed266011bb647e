// Parsing and evaluating paths.
#include "core/path/path.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/text.hpp"

namespace cmms::path {
namespace {

constexpr std::string_view path_hint =
    "Write a path as $.a.b, a.b, $.a[0], $.a[*].b or $.\"odd key\"; filters, methods and arithmetic are not "
    "available, what a path cannot say is a transform.";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

void append_utf8(std::string& out, std::uint32_t code) {
  auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Step>> parse() {
    if (text_.size() > max_path_bytes) return too_long();
    if (json::valid_utf8_length(text_) != text_.size()) return fail("the path is not valid UTF-8");
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    while (!text_.empty() && is_blank(text_.back())) text_.remove_suffix(1);
    if (at_ >= text_.size()) return fail("the path is empty");

    const bool good = text_[at_] == '$'   ? (++at_, true)
                      : text_[at_] != '[' ? member()
                                          : expected("$ or a name");
    if (!good) return std::move(error_);
    while (at_ < text_.size()) {
      if (steps_.size() >= max_path_steps) return fail("the path has more than 32 steps");
      bool step_good = false;
      if (text_[at_] == '.') {
        ++at_;
        step_good = member();
      } else if (text_[at_] == '[') {
        ++at_;
        step_good = subscript();
      } else {
        step_good = expected(". or [");
      }
      if (!step_good) return std::move(error_);
    }
    return std::move(steps_);
  }

 private:
  Error fail(std::string_view what) const {
    // Counted in characters, from 1, as people count.
    const auto before = text_.substr(0, std::min(at_, text_.size()));
    const auto position = 1 + std::count_if(before.begin(), before.end(), [](char c) {
                            return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
                          });
    const bool readable = json::valid_utf8_length(text_) == text_.size();
    return {ErrorClass::configuration,
            "invalid path" + (readable ? " " + json::quote(json::clip(text_, 200)) : std::string()) + ": " +
                std::string(what) + " at position " + std::to_string(position),
            {},
            std::string(path_hint)};
  }

  Error too_long() const {
    return {ErrorClass::configuration,
            "path is longer than " + std::to_string(max_path_bytes) + " bytes",
            {},
            std::string(path_hint)};
  }

  bool refuse(std::string_view what) {
    error_ = fail(what);
    return false;
  }

  bool expected(std::string_view what) { return refuse("expected " + std::string(what)); }

  bool member() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted_member();
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
    if (at_ == start) return expected("a member name");
    steps_.push_back({Step::Kind::member, std::string(text_.substr(start, at_ - start)), 0});
    return true;
  }

  bool quoted_member() {
    Step step;
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) return refuse("control character in a quoted name");
      if (text_[at_] == '\\') {
        if (!escape(step.name)) return false;
      } else {
        step.name.push_back(text_[at_++]);
      }
    }
    if (at_ >= text_.size()) return expected("a closing double quote");
    ++at_;
    steps_.push_back(std::move(step));
    return true;
  }

  bool escape(std::string& name) {
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    if (at_ + 1 < text_.size()) {
      if (text_[at_ + 1] == 'u') return unicode_escape(name);
      if (const std::size_t which = letters.find(text_[at_ + 1]); which != std::string_view::npos) {
        name.push_back(meanings[which]);
        at_ += 2;
        return true;
      }
    }
    return refuse("unknown escape");
  }

  std::optional<std::uint32_t> four_digits() const {
    const std::string_view digits = text_.substr(std::min(at_ + 2, text_.size()), 4);
    std::uint32_t code = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || failure != std::errc() || end != digits.data() + 4) return std::nullopt;
    return code;
  }

  bool unicode_escape(std::string& name) {
    auto is_surrogate = [](std::uint32_t code, std::uint32_t first) {
      return code >= first && code < first + 0x400;
    };
    const auto code = four_digits();
    if (!code || *code == 0 || is_surrogate(*code, 0xDC00)) return refuse("invalid \\u escape");
    if (!is_surrogate(*code, 0xD800)) {
      append_utf8(name, *code);
      at_ += 6;
      return true;
    }
    at_ += 6;
    const auto low = text_.substr(at_, 2) == "\\u" ? four_digits() : std::nullopt;
    if (!low || !is_surrogate(*low, 0xDC00)) return refuse("invalid surrogate pair");
    append_utf8(name, 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00));
    at_ += 6;
    return true;
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }

  bool subscript() {
    Step step;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '*') {
      step.kind = Step::Kind::every_element;
      ++at_;
    } else {
      step.kind = Step::Kind::element;
      std::uint32_t position = 0;
      const char* begin = text_.data() + at_;
      const auto [end, failure] = std::from_chars(begin, text_.data() + text_.size(), position);
      if (failure == std::errc::result_out_of_range) return refuse("index out of range");
      if (failure != std::errc()) return expected("an index or *");
      step.position = position;
      at_ += static_cast<std::size_t>(end - begin);
    }
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != ']') return expected("]");
    ++at_;
    steps_.push_back(std::move(step));
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Step> steps_;
  Error error_;
};

using StepIterator = std::vector<Step>::const_iterator;

std::optional<json::Value> follow(const json::Value& from, StepIterator step, StepIterator end) {
  std::optional<json::Value> value = from;
  for (; value && step != end; ++step) {
    value = step->kind == Step::Kind::member ? value->member(step->name) : value->element(step->position);
  }
  return value;
}

// Visits every match below `from` in document order until the visitor answers false; tells whether to go on.
template <class Visitor>
bool visit(const json::Value& from, StepIterator step, StepIterator end, Visitor& visitor) {
  const auto wildcard =
      std::find_if(step, end, [](const Step& each) { return each.kind == Step::Kind::every_element; });
  const std::optional<json::Value> value = follow(from, step, wildcard);
  if (!value) return true;
  if (wildcard == end) return visitor(*value);
  if (!value->is_array()) return true;
  const std::size_t size = value->size();
  for (std::size_t i = 0; i < size; ++i) {
    const std::optional<json::Value> element = value->element(i);
    if (element && !visit(*element, wildcard + 1, end, visitor)) return false;
  }
  return true;
}

}  // namespace

Result<Path> Path::parse(std::string_view text) {
  Result<std::vector<Step>> steps = Parser(text).parse();
  if (!steps) return std::move(steps).error();
  return Path(std::move(steps).value());
}

Path::Path(std::vector<Step> steps) : steps_(std::move(steps)) {
  const auto wildcard = std::find_if(steps_.begin(), steps_.end(),
                                     [](const Step& step) { return step.kind == Step::Kind::every_element; });
  wildcard_ = static_cast<std::size_t>(wildcard - steps_.begin());
}

std::optional<json::Value> Path::first_value(const json::Value& document) const {
  if (!has_wildcard()) return follow(document, steps_.begin(), steps_.end());
  std::optional<json::Value> found;
  auto keep_first = [&](const json::Value& value) {
    found = value;
    return false;
  };
  visit(document, steps_.begin(), steps_.end(), keep_first);
  return found;
}

std::optional<json::Field> Path::first(const json::Value& document) const {
  const std::optional<json::Value> value = first_value(document);
  if (!value) return std::nullopt;
  return json::Field::from(*value);
}

std::vector<json::Value> Path::all(const json::Value& document) const {
  std::vector<json::Value> found;
  auto keep = [&](const json::Value& value) {
    found.push_back(value);
    return true;
  };
  visit(document, steps_.begin(), steps_.end(), keep);
  return found;
}

std::optional<json::Field> Path::field(const json::Value& document) const {
  if (!has_wildcard()) return first(document);
  const auto wildcard = steps_.begin() + static_cast<std::ptrdiff_t>(wildcard_);
  const std::optional<json::Value> array = follow(document, steps_.begin(), wildcard);
  if (!array) return std::nullopt;
  if (array->is_null()) return json::Field::null();
  if (!array->is_array()) return std::nullopt;
  std::string text = "[";
  auto append = [&](const json::Value& value) {
    if (text.size() > 1) text.push_back(',');
    text.append(value.text());
    return true;
  };
  visit(*array, wildcard, steps_.end(), append);
  text.push_back(']');
  return json::Field{json::Kind::array, std::move(text)};
}

std::string_view Path::head() const {
  if (steps_.empty() || steps_.front().kind != Step::Kind::member) return {};
  return steps_.front().name;
}

bool Path::members_only() const {
  return !steps_.empty() && std::all_of(steps_.begin(), steps_.end(),
                                        [](const Step& step) { return step.kind == Step::Kind::member; });
}

Path Path::with_head(const Path& head) const {
  std::vector<Step> steps = head.steps_;
  if (!steps_.empty()) steps.insert(steps.end(), steps_.begin() + 1, steps_.end());
  return Path(std::move(steps));
}

std::string Path::text() const {
  std::string out = "$";
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Step::Kind::member: {
        out.push_back('.');
        const bool plain =
            !step.name.empty() && std::all_of(step.name.begin(), step.name.end(), is_name_character);
        if (plain) {
          out.append(step.name);
        } else {
          json::append_quoted(out, step.name);
        }
        break;
      }
      case Step::Kind::element:
        out.append("[").append(std::to_string(step.position)).append("]");
        break;
      case Step::Kind::every_element:
        out.append("[*]");
        break;
    }
  }
  return out;
}

}  // namespace cmms::path
