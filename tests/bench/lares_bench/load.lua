-- SPDX-License-Identifier: Apache-2.0
-- The hot loop of every workload, for wrk: what to send comes from a plan that a script wrote.
--   wrk ... -s load.lua BASE -- PLAN NONCE
-- A plan is {method=, users={{headers=, paths={}, body=}, ...}, unique=}. Each wrk thread is one connection and one user.
-- With `unique` every request gets a path ending of its own, so that no send is a repetition.

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local plan, user, nonce, count, fixed

function init(arguments)
  plan = dofile(arguments[1])
  nonce = arguments[2]
  user = plan.users[number % #plan.users + 1]
  count = number * 7
  if not plan.unique and #user.paths == 1 then
    fixed = wrk.format(plan.method, user.paths[1], user.headers, user.body)
  end
end

function request()
  if fixed then
    return fixed
  end
  count = count + 1
  local path = user.paths[count % #user.paths + 1]
  if plan.unique then
    path = path .. nonce .. "-" .. number .. "-" .. count
  end
  return wrk.format(plan.method, path, user.headers, user.body)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"bytes":%d,"p50_ms":%.4f,"p99_ms":%.4f,"max_ms":%.4f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
