// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over the files of a corpus, once each: how a build without libFuzzer keeps its corpus as
// a test.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" __attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace {

std::vector<std::filesystem::path> files_below(const std::filesystem::path& place) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_regular_file(place)) {
    files.push_back(place);
  } else {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Every prefix of a short input is an input as well: a cheap way to the truncated ones.
constexpr std::size_t kPrefixLimit = 512;

void run(const std::vector<std::uint8_t>& bytes) {
  // An exact copy on the heap, so that a read one past the end is seen by the address sanitizer.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  for (std::size_t size = 0; size < exact.size() && size < kPrefixLimit; ++size) {
    const std::vector<std::uint8_t> prefix(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(prefix.data(), prefix.size());
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (LLVMFuzzerInitialize != nullptr) {
    LLVMFuzzerInitialize(&argc, &argv);
  }
  std::size_t count = 0;
  for (int index = 1; index < argc; ++index) {
    for (const auto& file : files_below(argv[index])) {
      // Named before it runs, so that a crash says which file did it.
      std::fprintf(stderr, "%s\n", file.c_str());
      std::ifstream in{file, std::ios::binary};
      run({std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}});
      ++count;
    }
  }
  if (count == 0) {
    std::fprintf(stderr, "no corpus file found: give files or folders that hold some\n");
    return 1;
  }
  std::fprintf(stderr, "%zu files\n", count);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
