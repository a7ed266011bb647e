// Properties of polls: whatever the pages, the ties and the changes meanwhile, no row is lost and none is
// handed over twice. Against an OData server in memory whose tokens are plain offsets, so that rows that move
// to the end pull others over the boundaries of its pages.
#include <gtest/gtest.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "core/job/poll.hpp"
#include "core/job/stamp.hpp"
#include "provider_fixture.hpp"
#include "url_query.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::query_of;

constexpr int first_second = 1'750'000'000;

enum class Order : std::uint8_t { ascending_id, descending_id, shuffled };

struct Behaviour {
  std::string paging;
  std::size_t largest_page = 1000;
  std::size_t asked_page = 0;  // 0: the server decides
  Order order = Order::ascending_id;
};

std::string descriptor_of(const Behaviour& behaviour) {
  return R"({"type": "odata", "name": "OData", "resources": {"work_order": {
      "list": {
        "method": "GET", "path": "/orders", "records": "$.d.results", "total": "$.d.__count",
        "join": {"$filter": " and "},
        "query": {"$inlinecount": "allpages", "$filter": "Plant eq '1'"},
        "paging": {)" +
         behaviour.paging +
         (behaviour.asked_page == 0
              ? std::string()
              : R"(, "size": "$top", "page_size": ")" + std::to_string(behaviour.asked_page) + "\"") +
         R"(},
        "changed_since": {
          "parameter": "$filter", "value": "Changed ge datetimeoffset'{cursor}'",
          "query": {"$orderby": "Changed asc,Id asc"}
        }
      },
      "id": "Id", "updated_at": "Changed"
  }}})";
}

const Behaviour skip_token{R"("style": "skip_token", "path": "$.d.__next", "parameter": "$skiptoken")", 1000,
                           0, Order::descending_id};
const Behaviour next_link{R"("style": "next_link", "path": "$.d.__next")"};
const Behaviour offset{R"("style": "offset", "offset": "$skip")", 1000, 1000};

class Server {
 public:
  explicit Server(Behaviour behaviour) : behaviour_(std::move(behaviour)) {}

  void set(int id, std::int64_t stamp) {
    if (stamps_.contains(id)) {
      const auto old = std::lower_bound(places_.begin(), places_.end(), place_of(id));
      places_.erase(old);
    }
    stamps_[id] = stamp;
    places_.insert(std::lower_bound(places_.begin(), places_.end(), place_of(id)), place_of(id));
  }
  const std::map<int, std::int64_t>& stamps() const { return stamps_; }

  std::function<void()> after_request;
  std::string refused;  // what the server did not understand

  Outcome answer(const Request& request) {
    auto query = query_of(request.url);
    const std::vector<Place> rows = matching(query["$filter"]);
    const std::string skip = query["$skiptoken"].empty() ? query["$skip"] : query["$skiptoken"];
    const std::size_t start = skip.empty() ? 0 : std::stoul(skip);
    const std::size_t asked = query["$top"].empty() ? behaviour_.largest_page : std::stoul(query["$top"]);
    const std::size_t end = std::min(rows.size(), start + std::min(asked, behaviour_.largest_page));
    std::string body = R"({"d":{"__count":")" + std::to_string(rows.size()) + R"(","results":[)";
    for (std::size_t i = start; i < end; ++i) {
      if (i > start) body += ',';
      body += R"({"Id":")" + std::to_string(std::abs(rows[i].second)) + R"(","Changed":"/Date()" +
              std::to_string(rows[i].first + first_second * 1000LL) + R"(+0000)/"})";
    }
    body += "]";
    if (end < rows.size()) {
      // The host of links is not ours, and their text is written as loosely as real ones are.
      body += R"(,"__next":"http://localhost:1/orders?$filter=)" + query["$filter"] +
              "&$orderby=" + query["$orderby"] + "&$inlinecount=allpages&$skiptoken=" + std::to_string(end) +
              "\"";
    }
    if (after_request) after_request();
    return answered(200, body + "}}");
  }

 private:
  using Place = std::pair<std::int64_t, int>;  // stamp and id, in the order of the list

  std::vector<Place> matching(const std::string& filter) {
    static const std::string plant = "Plant eq '1'";
    static const std::string opening = "(" + plant + ") and (Changed ge datetimeoffset'";
    static const std::string closing = "')";
    std::int64_t since = 0;
    if (filter.starts_with(opening) && filter.ends_with(closing)) {
      const std::string text = filter.substr(opening.size(), filter.size() - opening.size() - closing.size());
      const auto stamp = parse_stamp(text);
      if (!stamp || text.size() != 20 || !text.ends_with('Z')) refused = filter;
      if (stamp) since = stamp->time_since_epoch().count() / 1000 - first_second * 1000LL;
    } else if (filter != plant && filter != "(" + plant + ")") {
      refused = filter;
    }
    std::vector<Place> rows(std::lower_bound(places_.begin(), places_.end(), Place{since, INT_MIN}),
                            places_.end());
    if (behaviour_.order != Order::shuffled) return rows;
    std::shuffle(rows.begin(), rows.end(), random_);
    std::stable_sort(rows.begin(), rows.end(),
                     [](const Place& left, const Place& right) { return left.first < right.first; });
    return rows;
  }

  Place place_of(int id) const {
    return {stamps_.at(id), behaviour_.order == Order::descending_id ? -id : id};
  }

  Behaviour behaviour_;
  std::map<int, std::int64_t> stamps_;  // by id, in milliseconds after first_second
  std::vector<Place> places_;           // the same, sorted
  std::mt19937 random_{7};
};

// What a hub has applied: the newest stamp of each row, as handed over by one job after another.
class Hub {
 public:
  explicit Hub(const Behaviour& behaviour) {
    auto descriptor = provider::parse_descriptor(descriptor_of(behaviour));
    if (!descriptor) {
      ADD_FAILURE() << descriptor.error().message;
      return;
    }
    provider::ConnectionInput input;
    input.provider_id = "sap";
    input.descriptor = std::make_shared<const provider::Descriptor>(std::move(descriptor).value());
    input.options = {{"base_url", "https://sap.test"}};
    connection_ = test::connect(std::move(input));
  }

  std::map<std::string, std::int64_t> applied;
  int doubled = 0;
  std::vector<std::optional<std::int64_t>> totals;

  // Until the job concludes, or is killed after so many steps.
  std::optional<Conclusion> poll(Server& server, int kill_after = -1) {
    auto job = make_poll(connection_, "work_order", cursor_, std::nullopt);
    if (!job) {
      ADD_FAILURE() << job.error().message;
      return std::nullopt;
    }
    std::set<std::pair<std::string, std::string>> handed_over;
    Step step = job.value()->start();
    for (int steps = 0; steps != kill_after; ++steps) {
      if (const auto* request = std::get_if<Request>(&step)) {
        EXPECT_EQ(request->url.rfind("https://sap.test/orders?", 0), 0U);
        const Request copy = *request;
        step = job.value()->on_outcome(server.answer(copy));
      } else if (const auto* page = std::get_if<Page>(&step)) {
        apply(*page, handed_over);
        step = job.value()->on_recorded();
      } else {
        return test::conclusion_of(std::move(step));
      }
    }
    return std::nullopt;
  }

  bool has_all_of(const Server& server) const { return applied.size() == server.stamps().size(); }

  bool is_up_to_date_with(const Server& server) const {
    return std::all_of(server.stamps().begin(), server.stamps().end(), [&](const auto& row) {
      const auto found = applied.find(std::to_string(row.first));
      return found != applied.end() && found->second == row.second;
    });
  }

 private:
  void apply(const Page& page, std::set<std::pair<std::string, std::string>>& handed_over) {
    totals.push_back(page.total);
    for (const json::Value& record : page.records) {
      const std::string id(record.member("Id")->string());
      const std::string stamp(record.member("Changed")->string());
      if (!handed_over.emplace(id, stamp).second) ++doubled;
      const std::int64_t at = parse_stamp(stamp)->time_since_epoch().count() / 1000 - first_second * 1000LL;
      const auto found = applied.try_emplace(id, at).first;
      found->second = std::max(found->second, at);
    }
    if (!page.cursor.empty()) cursor_ = page.cursor;
  }

  std::shared_ptr<const provider::Connection> connection_;
  std::string cursor_;
};

// The rows' stamps: each its own, in groups of 3,000, or one for all.
std::int64_t stamp_of(int id, int tied) { return tied == 0 ? id * 1000LL : (id / tied) * 1000LL; }

void fill(Server& server, int rows, int tied) {
  for (int id = 1; id <= rows; ++id) server.set(id, stamp_of(id, tied));
}

// 500 rows change while they are read, all to one stamp at the end, some of them behind the reader.
void change_meanwhile(Server& server, int rows, int changes, int each_time) {
  auto random = std::make_shared<std::mt19937>(11);
  auto left = std::make_shared<int>(changes);
  server.after_request = [&server, rows, random, left, each_time] {
    for (int i = 0; i<each_time&& * left> 0; ++i, --*left) {
      const int id = std::uniform_int_distribution<int>(1, rows)(*random);
      server.set(id, 100'000'000);
    }
  };
}

void expect_complete(Server& server, Hub& hub, const std::string& what) {
  EXPECT_TRUE(hub.has_all_of(server)) << what << ": " << hub.applied.size() << " rows arrived";
  server.after_request = nullptr;
  const std::optional<Conclusion> next = hub.poll(server);
  ASSERT_TRUE(next) << what;
  EXPECT_EQ(next->verdict, Verdict::complete) << what;
  EXPECT_TRUE(hub.is_up_to_date_with(server)) << what;
  EXPECT_EQ(hub.doubled, 0) << what;
  EXPECT_EQ(server.refused, "") << what;
}

TEST(PollWalk, LosesNoRowOfABackfillThatChangesMeanwhile) {
  constexpr int rows = 10'000;
  for (Behaviour behaviour : {skip_token, next_link, offset}) {
    for (const std::size_t page : {1000, 50}) {
      for (const int tied : {0, 3000, rows + 1}) {
        behaviour.largest_page = page;
        Server server(behaviour);
        Hub hub(behaviour);
        fill(server, rows, tied);
        change_meanwhile(server, rows, 500, page == 50 ? 3 : 20);
        const std::string what =
            behaviour.paging + ", pages of " + std::to_string(page) + ", ties of " + std::to_string(tied);
        const std::optional<Conclusion> conclusion = hub.poll(server);
        ASSERT_TRUE(conclusion) << what;
        EXPECT_EQ(conclusion->verdict, Verdict::complete) << what;
        expect_complete(server, hub, what);
      }
    }
  }
}

TEST(PollWalk, ResumesABackfillThatIsKilledAtAnyPage) {
  constexpr int rows = 2'000;
  for (Behaviour behaviour : {skip_token, next_link}) {
    for (const int tied : {0, 130}) {
      for (int kill_after = 1; kill_after < 90; kill_after += 11) {
        behaviour.largest_page = 50;
        behaviour.order = Order::descending_id;
        Server server(behaviour);
        Hub hub(behaviour);
        fill(server, rows, tied);
        change_meanwhile(server, rows, 100, 2);
        const std::string what = behaviour.paging + ", killed after " + std::to_string(kill_after);
        EXPECT_FALSE(hub.poll(server, kill_after)) << what;
        hub.poll(server, kill_after / 2);
        const std::optional<Conclusion> conclusion = hub.poll(server);
        ASSERT_TRUE(conclusion) << what;
        EXPECT_EQ(conclusion->verdict, Verdict::complete) << what;
        expect_complete(server, hub, what);
      }
    }
  }
}

TEST(PollWalk, ReadsTiesThatComeInAnotherOrderEachTime) {
  Behaviour behaviour = skip_token;
  behaviour.largest_page = 50;
  behaviour.order = Order::shuffled;
  Server server(behaviour);
  Hub hub(behaviour);
  fill(server, 1'000, 400);
  const std::optional<Conclusion> conclusion = hub.poll(server);
  ASSERT_TRUE(conclusion);
  EXPECT_EQ(conclusion->verdict, Verdict::complete);
  expect_complete(server, hub, "shuffled");
}

// Rows of the same second, finer than the filter can say.
TEST(PollWalk, ReadsStampsFinerThanItsFilter) {
  Behaviour behaviour = skip_token;
  behaviour.largest_page = 7;
  Server server(behaviour);
  Hub hub(behaviour);
  for (int id = 1; id <= 200; ++id) server.set(id, id * 40);
  change_meanwhile(server, 200, 20, 1);
  const std::optional<Conclusion> conclusion = hub.poll(server);
  ASSERT_TRUE(conclusion);
  EXPECT_EQ(conclusion->verdict, Verdict::complete);
  expect_complete(server, hub, "milliseconds");
}

TEST(PollWalk, TellsTheTotalOfTheWholePollOnce) {
  Behaviour behaviour = skip_token;
  behaviour.largest_page = 50;
  Server server(behaviour);
  Hub hub(behaviour);
  fill(server, 120, 0);
  hub.poll(server);
  ASSERT_GT(hub.totals.size(), 1U);
  EXPECT_EQ(hub.totals.front(), 120);
  EXPECT_EQ(std::count(hub.totals.begin() + 1, hub.totals.end(), std::nullopt),
            static_cast<std::ptrdiff_t>(hub.totals.size() - 1));
}

}  // namespace
}  // namespace cmms::job
