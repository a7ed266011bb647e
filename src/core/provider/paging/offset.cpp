// Paging by the number of records to skip.
#include <algorithm>

#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

class OffsetPager : public Pager {
 public:
  OffsetPager(std::string parameter, PageSize size, std::int64_t first)
      : parameter_(std::move(parameter)), size_(std::move(size)), first_(first), offset_(first) {}

  void restart() override { offset_ = first_; }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> query;
    if (!parameter_.empty()) query.push_back({parameter_, std::to_string(offset_)});
    size_.append_to(query);
    return query;
  }

  // The longest page shows the size that the server really serves; before there is another to compare with, a
  // short page proves nothing.
  Progress advance(const json::Value& /*answer*/, std::size_t record_count) override {
    const bool is_only = longest_ == 0;
    const bool is_short = record_count < longest_;
    longest_ = std::max(longest_, record_count);
    offset_ += static_cast<std::int64_t>(record_count);
    return record_count > 0 && (is_only || !is_short) ? Progress::more : Progress::end;
  }

  bool can_walk() const override { return !parameter_.empty(); }

 private:
  std::string parameter_;
  PageSize size_;
  std::int64_t first_;
  std::int64_t offset_;
  std::size_t longest_ = 0;  // kept over restarts
};

Result<std::unique_ptr<Pager>> make_offset_pager(const PagingSpec& spec, const Connection& connection) {
  Result<std::string> parameter = paging_parameter(spec, connection, "offset");
  if (!parameter) return std::move(parameter).error();
  Result<PageSize> size = paging_size(spec, connection);
  if (!size) return std::move(size).error();
  Result<std::int64_t> first = paging_number(spec, connection, "first_offset", 0);
  if (!first) return std::move(first).error();
  return std::unique_ptr<Pager>(
      std::make_unique<OffsetPager>(std::move(parameter).value(), std::move(size).value(), first.value()));
}

}  // namespace

const PagingStyle offset_paging{
    "offset",
    [] {
      return std::vector<std::string_view>{"offset", "size", "page_size", "first_offset"};
    },
    [] { return std::vector<std::string_view>{"offset"}; }, make_offset_pager};

}  // namespace cmms::provider
