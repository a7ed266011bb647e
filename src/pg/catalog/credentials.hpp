// The credentials of a foreign server: the user mapping's options, with what `<name>_file` points to read in.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/provider/options.hpp"

namespace cmms::pg {

// Enough of a file's state to notice that its content was replaced.
struct FileStamp {
  std::string path;
  std::int64_t device = 0;
  std::int64_t inode = 0;
  std::int64_t size = -1;  // -1: it could not be looked at
  std::int64_t modified_seconds = 0;
  std::int64_t modified_nanoseconds = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

FileStamp stamp_of(const std::string& path);

struct Credentials {
  provider::Options values;
  std::vector<FileStamp> files;
  std::set<std::string, std::less<>> by_file;  // the credentials that are given as `<name>_file`
  std::map<std::string, Error, std::less<>>
      errors;  // by credential: its file could not be read, so it is missing
};

// The user mapping of `user`, or else the one of PUBLIC; without either the credentials are empty. Needs a
// transaction.
Credentials read_credentials(unsigned int server_oid, unsigned int user);

}  // namespace cmms::pg
