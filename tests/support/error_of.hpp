#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "slalom/base/error.hpp"

namespace slalom::test {

/// The message of the Error that `body` throws; "no error" if it throws none.
template <class Body>
std::string error_of(const Body& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// The message without the file's name, with which it must begin.
template <class Body>
std::string error_without(const std::string& file, const Body& body) {
  const std::string message = error_of(body);
  if (message == "no error") return message;
  CHECK(message.starts_with(file));
  return message.substr(std::min(file.size(), message.size()));
}

}  // namespace slalom::test
