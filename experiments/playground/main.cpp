// What the page must say, from a native program: the bits of F of "perfect" × 1 … 30 after some steps.
//   playground SEED SWITCHES... STEP...   with the ten switches of playground_create()
#include <bit>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "playground.hpp"

int main(int argc, char** argv) {
  constexpr std::size_t kSwitches = 10;
  std::vector<int> numbers;
  for (int i = 1; i < argc; ++i) numbers.push_back(std::stoi(argv[i]));
  if (numbers.size() < 1 + kSwitches) {
    std::fputs("usage: playground SEED SWITCHES... STEP...\n", stderr);
    return 2;
  }
  const int* s = numbers.data() + 1;
  PlaygroundModel* model = playground_create(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9],
                                             static_cast<unsigned>(numbers.front()));
  int done = 0;
  for (std::size_t i = 1 + kSwitches; i < numbers.size(); ++i) {
    playground_train(model, numbers[i] - done);
    done = numbers[i];
    std::printf("%d", done);
    const double* f = playground_curve(model, 5);
    for (int n = 0; n < 30; ++n) std::printf(" %08x", std::bit_cast<std::uint32_t>(static_cast<float>(f[n])));
    std::printf("\n");
  }
  playground_destroy(model);
}
