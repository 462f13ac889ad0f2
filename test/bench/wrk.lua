-- For wrk: an optional body to POST (its size is the first argument), keys drawn by Zipf's law with exponent 0.9 (how many
-- is the second), and figures that a program can read.
local function draw_keys(count)
  local sums, sum = {}, 0
  for i = 1, count do
    sum = sum + i ^ -0.9
    sums[i] = sum
  end
  local path = wrk.path
  request = function()
    local at, low, high = math.random() * sum, 1, count
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < at then low = middle + 1 else high = middle end
    end
    return wrk.format(nil, path .. "?k=" .. low)
  end
end

function init(args)
  local keys = tonumber(args[2] or "0")
  if keys > 0 then draw_keys(keys) end
  local size = tonumber(args[1] or "0")
  if size > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", size)
    wrk.headers["Content-Type"] = "application/octet-stream"
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nJSON {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.3f, "p99_ms": %.3f, ' ..
    '"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, e.connect, e.read, e.write, e.status, e.timeout))
end
