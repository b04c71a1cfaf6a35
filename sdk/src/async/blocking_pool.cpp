// SPDX-License-Identifier: Apache-2.0
#include <lares/async/blocking_pool.hpp>

namespace lares {

PoolJob::PoolJob() {
  LogContext& current = current_context();
  if (current) {
    context_ = RefPtr{&current};
  }
}
PoolJob::~PoolJob() = default;

BlockingPool::~BlockingPool() = default;

void BlockingPool::execute(PoolJob& job) noexcept {
  if (job.context_) {
    const RefPtr<LogContext> context = job.context_->child();
    {
      const ContextScope scope{context};
      job.work();
    }
    context->finish();
  } else {
    job.work();
  }
  job.finished();
}

}  // namespace lares
