// No paging: one request reads the whole list.
#include "core/provider/paging/styles.hpp"

namespace cmms::provider {
namespace {

class NoPager : public Pager {
 public:
  void restart() override {}
  std::vector<Parameter> parameters() const override { return {}; }
  Progress advance(const json::Value&, std::size_t) override { return Progress::end; }
  bool can_walk() const override { return false; }
};

}  // namespace

const PagingStyle none_paging{"none", [] { return std::vector<std::string_view>{}; },
                              [] { return std::vector<std::string_view>{}; },
                              [](const PagingSpec&, const Connection&) -> Result<std::unique_ptr<Pager>> {
                                return std::unique_ptr<Pager>(std::make_unique<NoPager>());
                              }};

}  // namespace cmms::provider
