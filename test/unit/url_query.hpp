// The query of a request's URL, decoded, for servers in memory.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

namespace cmms::test {

inline std::string decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

inline std::map<std::string, std::string> query_of(const std::string& url) {
  std::map<std::string, std::string> query;
  std::size_t position = url.find('?');
  while (position < url.size()) {
    const std::size_t end = std::min(url.find('&', position + 1), url.size());
    const std::string pair = url.substr(position + 1, end - position - 1);
    const std::size_t equals = pair.find('=');
    query[decode(pair.substr(0, equals))] = decode(pair.substr(equals + 1));
    position = end;
  }
  return query;
}

}  // namespace cmms::test
