// Paging by the server: a link in its answer carries a token (OData: __next with $skiptoken), which is sent
// with our own query. A full page without a link is followed by counting, for servers that page only when
// asked to.
#include <algorithm>

#include "core/provider/link.hpp"
#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

class SkipTokenPager : public Pager {
 public:
  SkipTokenPager(path::Path path, std::string parameter, std::string offset, PageSize size)
      : path_(std::move(path)),
        parameter_(std::move(parameter)),
        offset_parameter_(std::move(offset)),
        size_(std::move(size)) {}

  void restart() override {
    token_.clear();
    offset_ = 0;
  }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> query;
    if (!token_.empty()) {
      query.push_back({parameter_, literal_text(token_)});
    } else if (offset_ > 0) {
      query.push_back({offset_parameter_, std::to_string(offset_)});
    }
    size_.append_to(query);
    return query;
  }

  Progress advance(const json::Value& answer, std::size_t record_count) override {
    const std::optional<std::string> link = find_link(answer, path_, "next");
    if (link) return follow(*link);
    const bool is_full = size_.records > 0 && record_count >= static_cast<std::size_t>(size_.records);
    if (!is_full || offset_parameter_.empty() || !token_.empty()) return Progress::end;
    offset_ += static_cast<std::int64_t>(record_count);
    return Progress::more;
  }

  bool follows_answers() const override { return !token_.empty(); }
  bool can_walk() const override { return true; }

 private:
  Progress follow(const std::string& link) {
    const std::vector<Parameter> query = link_query(link);
    const auto found = std::find_if(query.begin(), query.end(),
                                    [&](const Parameter& each) { return each.name == parameter_; });
    if (found == query.end() || found->value.empty() || found->value == token_) return Progress::broken;
    token_ = found->value;
    return Progress::more;
  }

  path::Path path_;
  std::string parameter_;
  std::string offset_parameter_;  // empty: pages are not counted
  PageSize size_;
  std::string token_;  // of the current page; empty: the first one, or a counted one
  std::int64_t offset_ = 0;
};

Result<std::unique_ptr<Pager>> make_skip_token_pager(const PagingSpec& spec, const Connection& connection) {
  Result<path::Path> path = paging_path(spec, connection, "path");
  if (!path) return std::move(path).error();
  Result<std::string> parameter = paging_parameter(spec, connection, "parameter");
  if (!parameter) return std::move(parameter).error();
  Result<std::string> offset = paging_parameter(spec, connection, "offset");
  if (!offset) return std::move(offset).error();
  Result<PageSize> size = paging_size(spec, connection);
  if (!size) return std::move(size).error();
  return std::unique_ptr<Pager>(
      std::make_unique<SkipTokenPager>(std::move(path).value(), std::move(parameter).value(),
                                       std::move(offset).value(), std::move(size).value()));
}

}  // namespace

const PagingStyle skip_token_paging{
    "skip_token",
    [] {
      return std::vector<std::string_view>{"path", "parameter", "offset", "size", "page_size"};
    },
    [] {
      return std::vector<std::string_view>{"parameter", "path"};
    },
    make_skip_token_pager};

}  // namespace cmms::provider
