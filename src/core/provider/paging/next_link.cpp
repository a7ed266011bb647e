// Paging by a link in each answer. Its query is sent as it is, to our own path.
#include "core/provider/link.hpp"
#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

class NextLinkPager : public Pager {
 public:
  NextLinkPager(path::Path path, std::string relation, PageSize size)
      : path_(std::move(path)), relation_(std::move(relation)), size_(std::move(size)) {}

  void restart() override {
    link_.clear();
    query_.clear();
  }

  std::vector<Parameter> parameters() const override {
    if (is_whole_query()) return query_;
    std::vector<Parameter> query;
    size_.append_to(query);
    return query;
  }

  bool is_whole_query() const override { return !query_.empty(); }

  Progress advance(const json::Value& answer, std::size_t /*record_count*/) override {
    const std::optional<std::string> link = find_link(answer, path_, relation_);
    if (!link) return Progress::end;
    std::vector<Parameter> query = link_query(*link);
    if (query.empty() || *link == link_) return Progress::broken;
    link_ = *link;
    query_ = literal(std::move(query));
    return Progress::more;
  }

  bool follows_answers() const override { return true; }
  bool can_walk() const override { return true; }

 private:
  // Parameters are templates where they are sent.
  static std::vector<Parameter> literal(std::vector<Parameter> query) {
    for (Parameter& parameter : query) {
      parameter.name = literal_text(parameter.name);
      parameter.value = literal_text(parameter.value);
    }
    return query;
  }

  path::Path path_;
  std::string relation_;
  PageSize size_;
  std::string link_;  // to the current page; empty: the first one
  std::vector<Parameter> query_;
};

Result<std::unique_ptr<Pager>> make_next_link_pager(const PagingSpec& spec, const Connection& connection) {
  Result<path::Path> path = paging_path(spec, connection, "path");
  if (!path) return std::move(path).error();
  Result<std::string> relation = paging_parameter(spec, connection, "relation");
  if (!relation) return std::move(relation).error();
  if (relation.value().empty()) relation = std::string("next");
  Result<PageSize> size = paging_size(spec, connection);
  if (!size) return std::move(size).error();
  return std::unique_ptr<Pager>(std::make_unique<NextLinkPager>(
      std::move(path).value(), std::move(relation).value(), std::move(size).value()));
}

}  // namespace

const PagingStyle next_link_paging{
    "next_link",
    [] {
      return std::vector<std::string_view>{"path", "relation", "size", "page_size"};
    },
    [] { return std::vector<std::string_view>{"path"}; }, make_next_link_pager};

}  // namespace cmms::provider
