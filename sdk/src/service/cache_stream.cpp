// SPDX-License-Identifier: Apache-2.0
#include <lares/service/cache_stream.hpp>

namespace lares::service {

CacheStream::~CacheStream() = default;

}  // namespace lares::service
