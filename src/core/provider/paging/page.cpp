// Paging by page number and page size. What an answer tells about further pages is read where it is told;
// where it is silent, only an empty page or one shorter than another proves the end.
#include <algorithm>
#include <array>

#include "core/exchange/ascii.hpp"
#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

enum class Told : std::uint8_t { nothing, more, last };

constexpr std::array<std::string_view, 6> total_names{"total_pages", "totalPages", "page_count",
                                                      "pageCount",   "last_page",  "lastPage"};
constexpr std::array<std::string_view, 4> next_names{"next_page", "nextPage", "next_page_url", "next"};

bool is_nothing(const json::Value& value) {
  if (value.is_null()) return true;
  if (value.is_string()) return value.string().empty();
  return value.kind() == json::Kind::boolean && !value.boolean();
}

Told read_container(const json::Value& container, std::int64_t offset_in_pages) {
  for (std::string_view name : total_names) {
    const auto total = container.member(name);
    if (!total || total->kind() != json::Kind::number) continue;
    const auto pages = ascii::parse_digits(total->number());
    if (!pages || *pages < 1) continue;  // some servers count 0 or null pages
    return offset_in_pages + 1 < *pages ? Told::more : Told::last;
  }
  for (std::string_view name : next_names) {
    const auto next = container.member(name);
    if (next) return is_nothing(*next) ? Told::last : Told::more;
  }
  return Told::nothing;
}

Told read_told(const json::Value& answer, std::int64_t offset_in_pages) {
  const auto meta = answer.member("meta");
  const auto meta_pagination = meta ? meta->member("pagination") : std::nullopt;
  for (const auto& container : {meta_pagination, answer.member("pagination"), meta}) {
    if (!container) continue;
    if (const Told told = read_container(*container, offset_in_pages); told != Told::nothing) return told;
  }
  return read_container(answer, offset_in_pages);
}

class NumberedPager : public Pager {
 public:
  NumberedPager(std::string page, std::string size, std::int64_t page_size, std::int64_t first)
      : page_name_(std::move(page)),
        size_name_(std::move(size)),
        page_size_(page_size),
        first_(first),
        page_(first) {}

  void restart() override { page_ = first_; }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> out;
    if (!page_name_.empty()) out.push_back({page_name_, std::to_string(page_)});
    if (!size_name_.empty() && page_size_ > 0) out.push_back({size_name_, std::to_string(page_size_)});
    return out;
  }

  Progress advance(const json::Value& answer, std::size_t record_count) override {
    return may_go_on(answer, record_count) ? Progress::more : Progress::end;
  }

  bool can_walk() const override { return !page_name_.empty(); }

 private:
  bool may_go_on(const json::Value& answer, std::size_t record_count) {
    // The longest page shows the size that the server really serves; before there is another to compare with,
    // a short page proves nothing.
    const bool is_only = longest_ == 0;
    const bool is_short = record_count < longest_;
    longest_ = std::max(longest_, record_count);
    const Told told = read_told(answer, page_ - first_);
    ++page_;
    if (record_count == 0) return false;
    if (told == Told::more) return true;
    // A full page goes on even when the answer calls it the last: one more request is cheap, a lost record is
    // not.
    const bool is_full = page_size_ > 0 && record_count >= static_cast<std::size_t>(page_size_);
    if (told == Told::last) return is_full;
    return is_only || !is_short;
  }

  std::string page_name_;
  std::string size_name_;
  std::int64_t page_size_;
  std::int64_t first_;
  std::int64_t page_;
  std::size_t longest_ = 0;  // kept over restarts
};

Result<std::unique_ptr<Pager>> make_page_pager(const PagingSpec& spec, const Connection& connection) {
  std::array<std::string, 4> values;
  static constexpr std::array<std::string_view, 4> names{"page", "size", "page_size", "first"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    Result<std::string> value = paging_parameter(spec, connection, names[i]);
    if (!value) return std::move(value).error();
    values[i] = std::move(value).value();
  }
  const std::int64_t page_size = ascii::parse_digits(values[2]).value_or(0);
  const std::int64_t first = ascii::parse_digits(values[3]).value_or(1);
  return std::unique_ptr<Pager>(
      std::make_unique<NumberedPager>(std::move(values[0]), std::move(values[1]), page_size, first));
}

}  // namespace

const PagingStyle page_paging{"page",
                              [] {
                                return std::vector<std::string_view>{"page", "size", "page_size", "first"};
                              },
                              [] { return std::vector<std::string_view>{"page"}; }, make_page_pager};

}  // namespace cmms::provider
