// Debian's library for WebAssembly has no exceptions. One ends the program here, with its message: every one
// that is thrown is a std::exception.
#include <cstdio>
#include <cstdlib>
#include <exception>

extern "C" {

void* __cxa_allocate_exception(std::size_t bytes) {
  return std::malloc(bytes);
}

[[noreturn]] void __cxa_throw(void* thrown, void*, void (*)(void*)) {
  std::fprintf(stderr, "%s\n", static_cast<const std::exception*>(thrown)->what());
  std::abort();
}
}
