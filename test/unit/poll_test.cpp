// Polls against a list server in memory that behaves, or misbehaves, as real ones do.
#include "core/job/poll.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "core/job/stamp.hpp"
#include "provider_fixture.hpp"
#include "url_query.hpp"

namespace cmms::job {
namespace {

using test::answered;
using test::clickmaint_input;
using test::conclusion_of;
using test::connect;
using test::query_of;

struct Record {
  int id = 0;
  std::string updated_at;
};

std::string stamp(int second) {
  return format_stamp(Micros(std::chrono::seconds(1'750'000'000 + second)), "");
}

class Server {
 public:
  std::vector<Record> records;
  std::size_t largest_page = 4;  // asks for 50 are clamped without a word
  bool sorts = true;
  bool filters = true;
  bool pages = true;
  bool tells_pages = false;
  std::vector<Header> headers;
  int requests = 0;
  std::function<void(Server&)> after_request;
  std::vector<std::map<std::string, std::string>> queries;

  Outcome answer(const Request& request) {
    ++requests;
    auto query = query_of(request.url);
    queries.push_back(query);
    std::vector<Record> rows;
    const std::string since = filters ? query["filter[updated_at_gteq]"] : "";
    for (const Record& record : records) {
      if (since.empty() || parse_stamp(record.updated_at) >= parse_stamp(since)) rows.push_back(record);
    }
    // Ties come by id, descending, as observed.
    if (sorts) {
      std::stable_sort(rows.begin(), rows.end(), [](const Record& left, const Record& right) {
        const auto left_stamp = parse_stamp(left.updated_at);
        const auto right_stamp = parse_stamp(right.updated_at);
        return left_stamp != right_stamp ? left_stamp < right_stamp : left.id > right.id;
      });
    }
    const std::size_t page = pages ? static_cast<std::size_t>(std::stoi(query["page"])) : 1;
    std::string body = R"({"status":"success","data":[)";
    for (std::size_t i = (page - 1) * largest_page; i < std::min(page * largest_page, rows.size()); ++i) {
      if (body.back() == '}') body += ',';
      body += R"({"id":)" + std::to_string(rows[i].id) + R"(,"updated_at":")" + rows[i].updated_at + "\"}";
    }
    body += "]";
    if (tells_pages) {
      const std::size_t total = (rows.size() + largest_page - 1) / largest_page;
      body += R"(,"meta":{"pagination":{"total_pages":)" + std::to_string(total) + "}}";
    }
    if (after_request) after_request(*this);
    return answered(200, body + "}", headers);
  }

  void touch(int id, const std::string& updated_at) {
    for (Record& record : records) {
      if (record.id == id) record.updated_at = updated_at;
    }
  }
};

struct Polled {
  Conclusion conclusion;
  std::string cursor;
  std::vector<std::string> seen;  // "id@stamp" in the order handed over
  int pages = 0;

  std::set<std::string> ids() const {
    std::set<std::string> out;
    for (const std::string& each : seen) out.insert(each.substr(0, each.find('@')));
    return out;
  }
};

Polled poll(Server& server, std::string cursor = "", std::optional<std::string> since = std::nullopt,
            int fail_at = 0, const Outcome& failure = {}) {
  Polled result;
  result.cursor = cursor;
  auto job = make_poll(connect(clickmaint_input()), "work_order", std::move(cursor), std::move(since));
  if (!job) {
    ADD_FAILURE() << job.error().message;
    return result;
  }
  Step step = job.value()->start();
  for (int steps = 0; steps < 10'000; ++steps) {
    if (const auto* request = std::get_if<Request>(&step)) {
      const bool fails = fail_at > 0 && server.requests + 1 == fail_at;
      const Request copy = *request;
      step = job.value()->on_outcome(fails ? failure : server.answer(copy));
    } else if (const auto* page = std::get_if<Page>(&step)) {
      ++result.pages;
      for (const json::Value& record : page->records) {
        result.seen.push_back(record.member("id")->number() + "@" +
                              std::string(record.member("updated_at")->string()));
      }
      if (!page->cursor.empty()) result.cursor = page->cursor;
      step = job.value()->on_recorded();
    } else {
      result.conclusion = conclusion_of(std::move(step));
      return result;
    }
  }
  ADD_FAILURE() << "the poll does not end";
  return result;
}

Server server_of(int count, const std::function<int(int)>& second) {
  Server server;
  for (int id = 1; id <= count; ++id) server.records.push_back({id, stamp(second(id))});
  return server;
}

std::string cursor_of(const std::string& updated_at) { return R"({"updated_at":")" + updated_at + "\"}"; }

TEST(Poll, ReadsEverythingOnceAndMovesTheCursor) {
  Server server = server_of(23, [](int id) { return id * 10; });
  const Polled all = poll(server);
  EXPECT_EQ(all.conclusion.verdict, Verdict::complete);
  EXPECT_EQ(all.ids().size(), 23U);
  EXPECT_EQ(all.seen.size(), 23U);
  EXPECT_EQ(all.cursor, cursor_of(stamp(230)));
  EXPECT_EQ(server.queries.front().count("filter[updated_at_gteq]"), 0U);
  EXPECT_EQ(server.queries.front()["sort"], "updated_at asc");
  EXPECT_EQ(server.queries.front()["per_page"], "50");
}

TEST(Poll, StartsBeforeItsCursorAndStaysThereWhenNothingHappens) {
  Server server = server_of(9, [](int id) { return id * 10; });
  const Polled idle = poll(server, R"({"updated_at" : ")" + stamp(90) + "\"}");
  EXPECT_EQ(server.queries.front()["filter[updated_at_gteq]"], stamp(88));
  EXPECT_EQ(idle.ids(), std::set<std::string>{"9"});
  EXPECT_EQ(idle.cursor, R"({"updated_at" : ")" + stamp(90) + "\"}");
  EXPECT_LE(server.requests, 2);
  server.touch(3, stamp(200));
  const Polled news = poll(server, idle.cursor);
  EXPECT_EQ(news.ids(), (std::set<std::string>{"3", "9"}));
  EXPECT_EQ(news.cursor, cursor_of(stamp(200)));
}

TEST(Poll, OneRequestIsEnoughWhereTheProviderTellsThePages) {
  Server server = server_of(9, [](int id) { return id * 10; });
  server.tells_pages = true;
  poll(server, cursor_of(stamp(90)));
  EXPECT_EQ(server.requests, 1);
}

TEST(Poll, SurvivesTiesThatFillPages) {
  for (const int tied : {1, 3, 4, 5, 8, 9, 17}) {
    for (const bool tells : {false, true}) {
      Server server = server_of(6 + tied, [&](int id) {
        return id <= 3 ? id : id <= 3 + tied ? 50 : id + 100;
      });
      server.tells_pages = tells;
      const Polled all = poll(server);
      EXPECT_EQ(all.conclusion.verdict, Verdict::complete);
      EXPECT_EQ(all.ids().size(), static_cast<std::size_t>(6 + tied)) << tied;
      EXPECT_EQ(all.seen.size(), static_cast<std::size_t>(6 + tied)) << tied;
      EXPECT_EQ(all.cursor, cursor_of(stamp(6 + tied + 100)));
    }
  }
}

TEST(Poll, LosesNoRowWhenATiedOneChangesMeanwhile) {
  for (int when = 1; when <= 8; ++when) {
    Server server = server_of(19, [](int) { return 50; });
    server.after_request = [when](Server& self) {
      if (self.requests == when) self.touch(19, stamp(500));
    };
    const Polled all = poll(server);
    EXPECT_EQ(all.ids().size(), 19U) << when;
    // Either this poll saw the change, or the next one starts before it.
    const bool seen = std::count(all.seen.begin(), all.seen.end(), "19@" + stamp(500)) == 1;
    EXPECT_TRUE(seen || all.cursor == cursor_of(stamp(50))) << when;
  }
}

TEST(Poll, LosesNoRowWhenEarlierOnesChangeMeanwhile) {
  Server server = server_of(40, [](int id) { return id; });
  int changed = 0;
  server.after_request = [&](Server& self) {
    if (++changed <= 20) self.touch(changed, stamp(1000 + changed));
  };
  const Polled all = poll(server);
  EXPECT_EQ(all.ids().size(), 40U);
  server.after_request = nullptr;
  const Polled next = poll(server, all.cursor);  // what changed after the last page
  for (int id = 1; id <= 20 && id <= changed; ++id) {
    const std::string change = std::to_string(id) + "@" + stamp(1000 + id);
    const auto seen = std::count(all.seen.begin(), all.seen.end(), change) +
                      std::count(next.seen.begin(), next.seen.end(), change);
    EXPECT_GE(seen, 1) << id;
  }
}

TEST(Poll, WalksAServerThatIgnoresSortOrFilterToItsEnd) {
  for (const bool sorts : {false, true}) {
    for (const bool filters : {false, true}) {
      Server server = server_of(21, [](int id) { return (id * 8) % 21; });
      server.sorts = sorts;
      server.filters = filters;
      const Polled all = poll(server);
      EXPECT_EQ(all.conclusion.verdict, Verdict::complete);
      EXPECT_EQ(all.ids().size(), 21U) << sorts << filters;
      EXPECT_EQ(all.cursor, cursor_of(stamp(20))) << sorts << filters;

      server.touch(5, stamp(300));
      server.touch(21, stamp(301));
      const Polled news = poll(server, all.cursor);
      EXPECT_EQ(news.ids().count("5") + news.ids().count("21"), 2U) << sorts << filters;
      EXPECT_LT(news.seen.size(), 7U) << sorts << filters;
      EXPECT_EQ(news.cursor, cursor_of(stamp(301)));
    }
  }
}

TEST(Poll, MovesTheCursorOfAPlainWalkOnlyAtItsEnd) {
  Server server = server_of(21, [](int id) { return 21 - id; });
  server.sorts = false;
  const Polled broken = poll(server, "", std::nullopt, 4, answered(500, ""));
  EXPECT_EQ(broken.conclusion.verdict, Verdict::retry);
  EXPECT_EQ(broken.cursor, "");
  EXPECT_GT(broken.pages, 0);
}

TEST(Poll, APlainWalkDoesNotOutrunWhatChangedBehindIt) {
  Server server = server_of(21, [](int id) { return 21 - id; });
  server.sorts = false;
  server.headers = {{"Date", "Sun, 15 Jun 2025 15:08:20 GMT"}};  // second 1'750'000'100
  server.after_request = [](Server& self) {
    if (self.requests == 2) self.touch(1, stamp(150));
    if (self.requests == 3) self.touch(21, stamp(900));
  };
  const Polled all = poll(server);
  EXPECT_EQ(all.cursor, cursor_of(stamp(100)));
  EXPECT_EQ(poll(server, all.cursor).ids(), (std::set<std::string>{"1", "21"}));
}

TEST(Poll, EndsWhenTheServerKnowsNoPages) {
  Server server = server_of(4, [](int id) { return 21 - id; });
  server.pages = false;
  const Polled all = poll(server);
  EXPECT_EQ(all.ids().size(), 4U);
  EXPECT_LE(server.requests, 3);
  Server tied = server_of(4, [](int) { return 5; });
  tied.pages = false;
  EXPECT_EQ(poll(tied).ids().size(), 4U);
}

TEST(Poll, AFailedPageKeepsWhatWasReadInFull) {
  const std::vector<Outcome> failures{answered(429, "", {{"Retry-After", "9"}}),
                                      answered(503, ""),
                                      answered(200, ""),
                                      answered(200, R"({"status":"success","data":[{"id":1,)"),
                                      answered(200, R"({"status":"error"})"),
                                      answered(200, R"({"data":null})"),
                                      answered(404, ""),
                                      test::failed(Delivery::unknown),
                                      test::failed(Delivery::not_sent)};
  for (const Outcome& failure : failures) {
    Server server = server_of(30, [](int id) { return id * 10; });
    const Polled broken = poll(server, "", std::nullopt, 4, failure);
    EXPECT_EQ(broken.conclusion.verdict, Verdict::retry) << failure.response.status << failure.response.body;
    EXPECT_TRUE(broken.conclusion.error);
    EXPECT_EQ(broken.pages, 3);
    EXPECT_EQ(broken.cursor, cursor_of(stamp(100)));
    Server rest = server_of(30, [](int id) { return id * 10; });
    const Polled resumed = poll(rest, broken.cursor);
    std::set<std::string> ids = broken.ids();
    ids.merge(resumed.ids());
    EXPECT_EQ(ids.size(), 30U);
    EXPECT_LT(resumed.seen.size(), 25U);
  }
  Server server = server_of(30, [](int id) { return id; });
  const Polled limited = poll(server, "", std::nullopt, 2, failures.front());
  EXPECT_EQ(limited.conclusion.retry_after, std::chrono::seconds(9));
  EXPECT_TRUE(limited.conclusion.provider_wide);
}

TEST(Poll, SkipsWhatIsOlderThanTheImport) {
  for (const bool filters : {false, true}) {
    Server server = server_of(20, [](int id) { return id * 10; });
    server.filters = filters;
    const Polled recent = poll(server, "", "2025-06-15 15:08:20+00");  // second 100
    EXPECT_EQ(recent.ids().size(), 11U) << filters;
    EXPECT_EQ(server.queries.front()["filter[updated_at_gteq]"], stamp(100));
  }
  EXPECT_FALSE(make_poll(connect(clickmaint_input()), "work_order", "", "soon").ok());
}

TEST(Poll, ARecordFromTheFutureDoesNotSilenceThePollsAfterIt) {
  Server server = server_of(6, [](int id) { return id * 10; });
  server.touch(6, "2099-01-01T00:00:00Z");
  server.headers = {{"Date", "Sun, 15 Jun 2025 15:08:20 GMT"}};
  const Polled all = poll(server);
  EXPECT_EQ(all.ids().size(), 6U);
  EXPECT_EQ(all.cursor, cursor_of(stamp(100)));
}

TEST(Poll, HandsOverRecordsWithoutAnIdOrStamp) {
  auto job = std::move(make_poll(connect(clickmaint_input()), "work_order", "", std::nullopt)).value();
  job->start();
  const Step step = job->on_outcome(
      answered(200, R"({"data": [{"title": "x"}, {"id": 1}], "meta": {"pagination": {"next_page": null}}})"));
  const Page* page = std::get_if<Page>(&step);
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->records.size(), 2U);
  EXPECT_EQ(page->cursor, "");
  EXPECT_EQ(conclusion_of(job->on_recorded()).verdict, Verdict::complete);
}

TEST(Poll, NeedsAChangedSinceParameter) {
  const auto job = make_poll(connect(test::custom_input()), "work_order", "", std::nullopt);
  ASSERT_FALSE(job.ok());
  EXPECT_EQ(job.error().error_class, ErrorClass::configuration);
}

TEST(Poll, ReadsAWholeListEachTimeWhereNothingTellsWhatHasChanged) {
  auto input = test::custom_input();
  input.options.insert_or_assign("poll", "whole");
  input.options.insert_or_assign("paging", "next_link");
  input.options.insert_or_assign("sort_parameter", "sort");
  input.options.insert_or_assign("sort_value", "updated_at");
  const auto connection = connect(std::move(input));
  EXPECT_TRUE(connection->can_poll("work_order"));
  std::string cursor = cursor_of(stamp(500));
  auto job = std::move(make_poll(connection, "work_order", cursor, std::nullopt)).value();
  EXPECT_EQ(test::request_of(job->start()).url.find("https://cmms.test/work_orders?"), 0U);
  const std::string old = R"({"id": 1, "updated_at": ")" + stamp(10) + "\"}";
  Step step = job->on_outcome(answered(200, R"({"data": [)" + old + R"(], "next": "/x?page=2"})"));
  ASSERT_NE(std::get_if<Page>(&step), nullptr);
  EXPECT_EQ(std::get<Page>(step).records.size(), 1U);
  EXPECT_EQ(test::request_of(job->on_recorded()).url, "https://cmms.test/work_orders?page=2");
  // The page just read, led to by another link: an error, not the end.
  step = job->on_outcome(answered(200, R"({"data": [)" + old + R"(], "next": "/x?page=3"})"));
  EXPECT_EQ(conclusion_of(std::move(step)).verdict, Verdict::retry);
}

TEST(Poll, AnUnreadableCursorStartsOver) {
  Server server = server_of(3, [](int id) { return id; });
  EXPECT_EQ(poll(server, "{}").ids().size(), 3U);
  EXPECT_EQ(poll(server, "nonsense").ids().size(), 3U);
}

TEST(Stamp, ReadsTheJsonFormOfODataAndAsksInIso) {
  EXPECT_EQ(parse_stamp("/Date(1764547200000+0000)/"), parse_stamp("2025-12-01T00:00:00Z"));
  EXPECT_EQ(parse_stamp("/Date(1764547200123)/"), parse_stamp("2025-12-01T00:00:00.123Z"));
  EXPECT_EQ(parse_stamp("/Date(1764547200000+0060)/"), parse_stamp("2025-12-01T00:00:00Z"));
  EXPECT_EQ(parse_stamp("/Date(1764547200000-0300)/"), parse_stamp("2025-12-01T00:00:00Z"));
  for (const char* bad : {"/Date()/", "/Date(x)/", "/Date(1)", "/Date(99999999999999999)/"}) {
    EXPECT_EQ(parse_stamp(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(stamp_in_query("/Date(1764547200999+0000)/"), "2025-12-01T00:00:00Z");
  EXPECT_EQ(stamp_in_query("2025-12-01T00:00:00.5Z"), "2025-12-01T00:00:00.5Z");
  EXPECT_EQ(format_stamp(*parse_stamp("/Date(1764547200000)/"), "/Date(1764547200000)/"),
            "2025-12-01T00:00:00Z");
}

TEST(Stamp, IsComparedByValue) {
  EXPECT_EQ(parse_stamp("2025-07-17T14:00:00+02:00"), parse_stamp("2025-07-17 12:00:00Z"));
  EXPECT_LT(parse_stamp("2025-07-17T12:00:00Z"), parse_stamp("2025-07-17T12:00:00.000001Z"));
  EXPECT_EQ(parse_stamp("1752753600"), parse_stamp("1752753600000"));
  EXPECT_EQ(parse_stamp("0001-01-01T00:00:00Z"), std::nullopt);
  EXPECT_EQ(parse_stamp("yesterday"), std::nullopt);
  EXPECT_EQ(parse_stamp("99999999999999999999"), std::nullopt);
  EXPECT_EQ(format_stamp(*parse_stamp("2025-07-17T12:00:00.9Z"), ""), "2025-07-17T12:00:00Z");
  EXPECT_EQ(format_stamp(*parse_stamp("1752753600"), "5"), "1752753600");
  EXPECT_EQ(format_stamp(*parse_stamp("1752753600"), "1752753600000"), "1752753600000");
}

}  // namespace
}  // namespace cmms::job
