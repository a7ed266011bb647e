// The strict reader as a filter: for each line of standard input, a descriptor, one line that is "ok" or says
// what is wrong.
#include <iostream>
#include <string>

#include "core/provider/descriptor.hpp"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto descriptor = cmms::provider::parse_descriptor(line);
    std::cout << (descriptor ? "ok" : descriptor.error().message) << '\n';
  }
  return 0;
}
