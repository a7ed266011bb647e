// Paging by a token that each answer gives for the next page.
#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

class CursorPager : public Pager {
 public:
  CursorPager(std::string parameter, path::Path path, PageSize size)
      : parameter_(std::move(parameter)), path_(std::move(path)), size_(std::move(size)) {}

  void restart() override { token_.clear(); }

  std::vector<Parameter> parameters() const override {
    std::vector<Parameter> query;
    if (!token_.empty()) query.push_back({parameter_, literal_text(token_)});
    size_.append_to(query);
    return query;
  }

  Progress advance(const json::Value& answer, std::size_t /*record_count*/) override {
    const std::optional<json::Field> next = path_.first(answer);
    if (!next || next->is_null() || next->text.empty() || next->text == "false") return Progress::end;
    const bool is_token = next->kind == json::Kind::string || next->kind == json::Kind::number;
    if (!is_token || next->text == token_) return Progress::broken;
    token_ = next->text;
    return Progress::more;
  }

  bool follows_answers() const override { return true; }
  bool can_walk() const override { return !parameter_.empty(); }

 private:
  std::string parameter_;
  path::Path path_;
  PageSize size_;
  std::string token_;  // of the current page; empty: the first one
};

Result<std::unique_ptr<Pager>> make_cursor_pager(const PagingSpec& spec, const Connection& connection) {
  Result<std::string> parameter = paging_parameter(spec, connection, "parameter");
  if (!parameter) return std::move(parameter).error();
  Result<path::Path> path = paging_path(spec, connection, "path");
  if (!path) return std::move(path).error();
  Result<PageSize> size = paging_size(spec, connection);
  if (!size) return std::move(size).error();
  return std::unique_ptr<Pager>(std::make_unique<CursorPager>(
      std::move(parameter).value(), std::move(path).value(), std::move(size).value()));
}

}  // namespace

const PagingStyle cursor_paging{
    "cursor",
    [] {
      return std::vector<std::string_view>{"parameter", "path", "size", "page_size"};
    },
    [] {
      return std::vector<std::string_view>{"parameter", "path"};
    },
    make_cursor_pager};

}  // namespace cmms::provider
