#include "pg/prelude.hpp"

#include "pg/boundary/guard.hpp"

#include <array>
#include <cstring>
#include <exception>
#include <new>

namespace cmms::pg {

namespace detail {

// A copy of ErrorData that does not depend on any memory context: contexts may go while C++ unwinds.
class BackendError {
 public:
  explicit BackendError(const ErrorData& data) : data_(data) {
    for (std::size_t i = 0; i < owned_strings.size(); ++i) keep(i, data.*owned_strings[i]);
    // Constants in most cases, but the code that holds them may be JIT-compiled and go with its query.
    keep(filename_index, data.filename);
    keep(funcname_index, data.funcname);
    data_.message_id = nullptr;
    data_.domain = nullptr;
    data_.context_domain = nullptr;
    data_.assoc_context = nullptr;
  }

  // ErrorData as ReThrowError() wants it, in one allocation. Null when memory is short; never raises.
  ErrorData* copy_into() const noexcept {
    std::size_t size = MAXALIGN(sizeof(ErrorData));
    for (const auto& text : strings_) size += text ? text->size() + 1 : 0;
    void* block = MemoryContextAllocExtended(ErrorContext, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
    if (block == nullptr) return nullptr;
    auto* copy = static_cast<ErrorData*>(std::memcpy(block, &data_, sizeof(ErrorData)));
    char* next = static_cast<char*>(block) + MAXALIGN(sizeof(ErrorData));
    auto place = [&](std::size_t index) -> char* {
      const auto& text = strings_[index];
      if (!text) return nullptr;
      char* start = next;
      std::memcpy(start, text->c_str(), text->size() + 1);
      next += text->size() + 1;
      return start;
    };
    for (std::size_t i = 0; i < owned_strings.size(); ++i) copy->*owned_strings[i] = place(i);
    copy->filename = place(filename_index);
    copy->funcname = place(funcname_index);
    copy->assoc_context = ErrorContext;
    return copy;
  }

 private:
  static constexpr std::array<char * ErrorData::*, 12> owned_strings = {
      &ErrorData::message,       &ErrorData::detail,          &ErrorData::detail_log,
      &ErrorData::hint,          &ErrorData::context,         &ErrorData::backtrace,
      &ErrorData::schema_name,   &ErrorData::table_name,      &ErrorData::column_name,
      &ErrorData::datatype_name, &ErrorData::constraint_name, &ErrorData::internalquery};
  static constexpr std::size_t filename_index = owned_strings.size();
  static constexpr std::size_t funcname_index = filename_index + 1;

  void keep(std::size_t index, const char* text) {
    if (text != nullptr) strings_[index].emplace(text);
  }

  ErrorData data_;  // its pointers are not used
  std::array<std::optional<std::string>, owned_strings.size() + 2> strings_;
};

namespace {

// Counts errors of the backend that were taken from it and whose (sub)transaction is not aborted yet. Each
// scope that aborts, and each entry that hands the error back, returns to the count it began with.
int pending_errors = 0;

// What an entry does after all C++ scopes are closed. Plain data in ErrorContext, which goes with the error
// itself.
struct Departure {
  ErrorData* original = nullptr;
  int code = ERRCODE_INTERNAL_ERROR;
  const char* message = nullptr;  // null: nothing to raise
  const char* detail = nullptr;
  const char* hint = nullptr;
};

constexpr const char* out_of_memory = "out of memory";

const char* copy_text(std::string_view text) noexcept {
  if (text.empty()) return nullptr;
  auto* copy = static_cast<char*>(
      MemoryContextAllocExtended(ErrorContext, text.size() + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM));
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

Departure departure_with(const CapturedError& error) noexcept {
  Departure departure;
  departure.code = error.code;
  departure.message = copy_text(error.message);
  if (departure.message == nullptr)
    departure.message = error.message.empty() ? "unknown error" : out_of_memory;
  departure.detail = copy_text(error.detail);
  departure.hint = copy_text(error.hint);
  if (error.original) departure.original = error.original->copy_into();
  return departure;
}

Departure departure_with(int code, const char* message, const char* detail) noexcept {
  Departure departure;
  departure.code = code;
  departure.message = message;
  if (detail != nullptr) departure.detail = copy_text(detail);
  return departure;
}

// Called in a handler: copies what is in flight, raises nothing.
Departure departure_of_exception() noexcept {
  try {
    throw;
  } catch (const PgError& error) {
    return departure_with(error.error());
  } catch (const ReportError& error) {
    return departure_with(error.error());
  } catch (const std::bad_alloc&) {
    return departure_with(ERRCODE_OUT_OF_MEMORY, out_of_memory, nullptr);
  } catch (const std::exception& error) {
    return departure_with(ERRCODE_INTERNAL_ERROR, "unexpected C++ exception", error.what());
  } catch (...) {
    return departure_with(ERRCODE_INTERNAL_ERROR, "unexpected C++ exception of unknown type", nullptr);
  }
}

// Text of C++ origin may be cut inside a character; the client protocol must not stumble over it while
// reporting.
const char* valid_text(const char* text) {
  const int length = static_cast<int>(std::strlen(text));
  if (pg_verifymbstr(text, length, true)) return text;
  char* copy = pstrdup(text);
  for (char* byte = copy; *byte != '\0'; ++byte) {
    if (IS_HIGHBIT_SET(*byte)) *byte = '?';
  }
  return copy;
}

// Leaves by longjmp: no C++ object may be alive in any frame up to PostgreSQL's.
[[noreturn]] void depart(const Departure& departure) {
  if (departure.original != nullptr) ReThrowError(departure.original);
  ereport(ERROR, (errcode(departure.code), errmsg_internal("%s", valid_text(departure.message)),
                  departure.detail != nullptr ? errdetail_internal("%s", valid_text(departure.detail)) : 0,
                  departure.hint != nullptr ? errhint("%s", valid_text(departure.hint)) : 0));
  pg_unreachable();
}

// PostgreSQL's two stacks that point into C frames.
class HandlerStacks {
 public:
  HandlerStacks() = default;
  ~HandlerStacks() { restore(); }
  HandlerStacks(const HandlerStacks&) = delete;
  HandlerStacks& operator=(const HandlerStacks&) = delete;

  bool are_intact() const {
    return PG_exception_stack == exception_stack_ && error_context_stack == context_stack_;
  }
  void restore() const {
    PG_exception_stack = exception_stack_;
    error_context_stack = context_stack_;
  }

 private:
  sigjmp_buf* exception_stack_ = PG_exception_stack;
  ErrorContextCallback* context_stack_ = error_context_stack;
};

// Runs the call with a handler of its own; false when it raised, the error then lies on the backend's error
// stack. No local changes between sigsetjmp and longjmp, and the signal mask is not saved (it would cost a
// system call).
bool call_without_longjmp(Body body, void* argument) {
  const HandlerStacks stacks;
  sigjmp_buf handler;
  if (sigsetjmp(handler, 0) != 0) return false;
  PG_exception_stack = &handler;
  body(argument);
  return true;
}

// Takes the error from the backend's error stack, which must be empty before C++ goes on. The backend's own
// copy gets a context of its own, because FreeErrorData() does not free all that CopyErrorData() allocates.
CapturedError take_error() {
  const MemoryContext context = CurrentMemoryContext;
  MemoryContext copy_context = nullptr;
  ErrorData* data = nullptr;
  auto copy = [&] {
    copy_context = AllocSetContextCreate(context, "pg_cmms error", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(copy_context);
    data = CopyErrorData();
  };
  const bool copied = call_without_longjmp(&invoke<decltype(copy)>, &copy);
  MemoryContextSwitchTo(context);
  FlushErrorState();
  if (!copied) throw std::bad_alloc();
  CapturedError error;
  error.code = data->sqlerrcode;
  auto text = [](const char* value) { return std::string(value == nullptr ? "" : value); };
  error.message = text(data->message);
  error.detail = text(data->detail);
  error.hint = text(data->hint);
  error.context = text(data->context);
  error.original = std::make_shared<const BackendError>(*data);
  MemoryContextDelete(copy_context);
  return error;
}

CapturedError captured(std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const PgError& error) {
    return error.error();
  } catch (const ReportError& error) {
    return error.error();
  } catch (const std::bad_alloc&) {
    return {.code = ERRCODE_OUT_OF_MEMORY, .message = out_of_memory};
  } catch (const std::exception& error) {
    return {.code = ERRCODE_INTERNAL_ERROR, .message = "unexpected C++ exception", .detail = error.what()};
  } catch (...) {
    return {.code = ERRCODE_INTERNAL_ERROR, .message = "unexpected C++ exception of unknown type"};
  }
}

constexpr const char* swallowed_error = "an error was swallowed without aborting its subtransaction";

template <class Run>
std::exception_ptr failure_of(Run&& run) {
  try {
    run();
    return nullptr;
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

int pending_error_count() { return pending_errors; }

void guarded_call(Body body, void* argument) {
  const MemoryContext context = CurrentMemoryContext;
  if (call_without_longjmp(body, argument)) return;
  MemoryContextSwitchTo(context);
  ++pending_errors;
  throw PgError(take_error());
}

void enter(Body body, void* argument) {
  Departure departure;
  {
    const HandlerStacks stacks;
    const int pending_before = pending_errors;
    try {
      body(argument);
      Assert(stacks.are_intact());
      if (pending_errors != pending_before) {
        departure = departure_with(ERRCODE_INTERNAL_ERROR, swallowed_error, nullptr);
      }
    } catch (...) {
      departure = departure_of_exception();
    }
    pending_errors = pending_before;
  }
  if (departure.message != nullptr) depart(departure);
}

Datum enter_function(Datum (*body)(FunctionCallInfo), FunctionCallInfo fcinfo) {
  Datum result = 0;
  auto call = [&] { result = body(fcinfo); };
  enter(&invoke<decltype(call)>, &call);
  return result;
}

std::optional<CapturedError> in_subtransaction(Body body, void* argument) {
  const MemoryContext context = CurrentMemoryContext;
  const ResourceOwner owner = CurrentResourceOwner;
  const int pending_before = pending_errors;
  pg_call([&] {
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
  });
  std::exception_ptr failure = failure_of([&] {
    body(argument);
    if (pending_errors != pending_before) raise(ERRCODE_INTERNAL_ERROR, swallowed_error);
    pg_call([] { ReleaseCurrentSubTransaction(); });
  });
  if (failure) {
    MemoryContextSwitchTo(context);
    pg_call([] { RollbackAndReleaseCurrentSubTransaction(); });
    pending_errors = pending_before;
  }
  MemoryContextSwitchTo(context);
  CurrentResourceOwner = owner;
  if (!failure) return std::nullopt;
  CapturedError error = captured(std::move(failure));
  if (error.is_cancellation()) raise(error);
  return error;
}

std::optional<CapturedError> in_transaction(Body body, void* argument) {
  if (IsTransactionState()) raise(ERRCODE_INTERNAL_ERROR, "a transaction is already in progress");
  const MemoryContext context = CurrentMemoryContext;
  const int pending_before = pending_errors;
  std::exception_ptr failure = failure_of([&] {
    pg_call([] {
      SetCurrentStatementStartTimestamp();
      StartTransactionCommand();
      PushActiveSnapshot(GetTransactionSnapshot());
    });
    body(argument);
    if (pending_errors != pending_before) raise(ERRCODE_INTERNAL_ERROR, swallowed_error);
    MemoryContextSwitchTo(context);  // the transaction's own context goes with the commit
    pg_call([] {
      PopActiveSnapshot();
      CommitTransactionCommand();
    });
  });
  MemoryContextSwitchTo(context);
  if (!failure) return std::nullopt;
  pg_call([] { AbortCurrentTransaction(); });
  MemoryContextSwitchTo(context);
  pending_errors = pending_before;
  return captured(std::move(failure));
}

}  // namespace detail

std::string CapturedError::sqlstate() const {
  std::string state;
  for (int i = 0, rest = code; i < 5; ++i, rest >>= 6) state.push_back(static_cast<char>(PGUNSIXBIT(rest)));
  return state;
}

bool CapturedError::is_cancellation() const {
  return code == ERRCODE_QUERY_CANCELED || code == ERRCODE_ADMIN_SHUTDOWN || code == ERRCODE_CRASH_SHUTDOWN;
}

void raise(const Error& error) {
  raise(error_class_sqlstate(error.error_class), error.message, error.detail, error.hint);
}

void raise(const char* sqlstate, std::string message, std::string detail, std::string hint) {
  raise(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4]), std::move(message),
        std::move(detail), std::move(hint));
}

void raise(int code, std::string message, std::string detail, std::string hint) {
  throw ReportError(
      {.code = code, .message = std::move(message), .detail = std::move(detail), .hint = std::move(hint)});
}

void raise(const CapturedError& error) {
  if (error.original) throw PgError(error);
  throw ReportError(error);
}

void log(int level, const std::string& message, const std::string& detail, const std::string& hint) {
  pg_call([&] {
    ereport(level < ERROR ? level : WARNING,
            (errmsg_internal("%s", detail::valid_text(message.c_str())),
             detail.empty() ? 0 : errdetail_internal("%s", detail::valid_text(detail.c_str())),
             hint.empty() ? 0 : errhint("%s", detail::valid_text(hint.c_str()))));
  });
}

void log(int level, const CapturedError& error) {
  pg_call([&] {
    ereport(level < ERROR ? level : WARNING,
            (errcode(error.code), errmsg_internal("%s", detail::valid_text(error.message.c_str())),
             error.detail.empty() ? 0 : errdetail_internal("%s", detail::valid_text(error.detail.c_str())),
             error.hint.empty() ? 0 : errhint("%s", detail::valid_text(error.hint.c_str())),
             error.context.empty() ? 0 : errcontext_msg("%s", error.context.c_str())));
  });
}

}  // namespace cmms::pg
