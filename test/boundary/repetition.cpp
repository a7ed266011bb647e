// Errors trapped by in_subtransaction(), from C++ itself.
#include "failures.hpp"

#include "pg/boundary/spi.hpp"

namespace cmms::pg {
namespace {

std::string text_argument(FunctionCallInfo fcinfo, int position) {
  const text* value = PG_GETARG_TEXT_PP(position);
  return {VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))};
}

Datum text_result(const std::string& value) { return Param(value).to_datum(); }

std::string summary(const CapturedError& error) {
  std::string text = error.sqlstate() + " " + error.message;
  if (!error.detail.empty()) text += " / " + error.detail;
  if (!error.hint.empty()) text += " / " + error.hint;
  return text;
}

}  // namespace

CMMS_FUNCTION(boundary_fail_in_subtransactions) {
  const std::string kind = text_argument(fcinfo, 0);
  const int times = PG_GETARG_INT32(1);
  constexpr int warm_up = 500;
  std::optional<boundary::LeftBehind> before;
  std::string first;
  for (int i = 0; i < warm_up + times; ++i) {
    if (i == warm_up) before.emplace();
    const auto error = in_subtransaction([&] { boundary::fail(kind); });
    if (!error) return text_result("no error");
    if (first.empty()) first = summary(*error);
    if (summary(*error) != first) return text_result("first " + first + ", then " + summary(*error));
  }
  return text_result(first + "; left behind: " + before->describe());
}

CMMS_FUNCTION(boundary_run_subtransaction) {
  const std::string sql = text_argument(fcinfo, 0);
  const Spi spi;
  // The outer scope's rows stay usable whatever happens in the subtransaction.
  static Statement statement("SELECT 'outer rows are kept'", {});
  const Rows rows = statement.execute();
  const auto error = in_subtransaction([&] {
    const Spi inner;
    execute_once(sql.c_str());
  });
  return text_result((error ? summary(*error) : "no error") + "; " + rows.text_or(0, 0, "lost"));
}

CMMS_FUNCTION(boundary_transaction_in_transaction) {
  const auto error = in_transaction([] {});
  if (error) raise(*error);
  PG_RETURN_VOID();
}

}  // namespace cmms::pg
