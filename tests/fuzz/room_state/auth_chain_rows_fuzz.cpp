// SPDX-License-Identifier: Apache-2.0
// Rows of a damaged store are refused or make an index that answers. Each record is eight bytes: a place (its
// first byte even) or a link.
#include <lares/matrix/auth_chain.hpp>

#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lares::matrix;
  std::vector<AuthChainRow> places;
  std::vector<AuthLinkRow> links;
  for (std::size_t at = 0; at + 8 <= size && at < 2048; at += 8) {
    const std::uint8_t* record = data + at;
    if (record[0] % 2 == 0) {
      places.push_back({record[1], record[2], {record[3], record[4]}});
    } else {
      links.push_back({{record[1], record[2]}, {record[3], record[4]}});
    }
  }
  auto index = AuthChainIndex::restore(places, links);
  if (!index) {
    return 0;
  }
  std::vector<std::vector<std::uint64_t>> sets(2);
  std::vector<std::uint64_t> all;
  for (const AuthChainRow& row : places) {
    sets[row.event % 2].push_back(row.event);
    all.push_back(row.event);
    static_cast<void>(index->previous_of_key(row.event));
  }
  static_cast<void>(index->difference(sets, [](std::uint64_t key) { return key; }, OwnEvents::kLeftOut));
  static_cast<void>(index->difference(sets, [](std::uint64_t key) { return key; }, OwnEvents::kIncluded));
  static_cast<void>(index->subgraph(all));
  static_cast<void>(index->in_chains_of(sets[0], sets[1]));
  static_cast<void>(index->add(300, 1, all));
  return 0;
}
