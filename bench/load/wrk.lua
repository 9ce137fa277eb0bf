-- The requests of one run of wrk and its result as one line of JSON. Arguments: method, path, requests
-- at a time, body, its type. Started by harness/load.ts.

function init(args)
  local depth = tonumber(args[3])
  wrk.method = args[1]
  wrk.path = args[2]
  if args[4] ~= nil then
    wrk.body = args[4]
    wrk.headers["Content-Type"] = args[5]
  end
  -- Without this function wrk sends its own prepared request and calls no Lua while it measures.
  if depth > 1 then
    local batch = wrk.format():rep(depth)
    request = function() return batch end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"elapsed_us":%d,"failed":%d,"p50_us":%d,"p99_us":%d,"max_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
