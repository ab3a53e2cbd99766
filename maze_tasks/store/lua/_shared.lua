-- Functions that several scripts use; put in front of each of them when it is loaded.
-- Times are milliseconds of Redis's own clock. Counts live in the run's meta hash as n:<status>.

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function is_terminal(status)
  return status == 'filled' or status == 'failed' or status == 'skipped' or status == 'needs_review'
end

-- Move a hole to a status and keep the counts in step.
local function move(meta, hole, from, to)
  if from == to then return end
  redis.call('HSET', hole, 'st', to)
  redis.call('HINCRBY', meta, 'n:' .. from, -1)
  redis.call('HINCRBY', meta, 'n:' .. to, 1)
end

-- Whether any sample but `except` holds a lease.
local function others_leased(hole, samples, except)
  for k = 0, samples - 1 do
    if k ~= except and redis.call('HEXISTS', hole, k .. '.l') == 1 then return true end
  end
  return false
end

-- Forget what belonged to the candidate that is left; send numbers stay, so that older messages stay stale.
local function clear_samples(hole, samples)
  for k = 0, samples - 1 do
    redis.call('HDEL', hole, k .. '.l', k .. '.x', k .. '.t', k .. '.r', k .. '.c')
  end
  redis.call('HDEL', hole, 'cl')
end

-- Move the cursor: to the next candidate, or to the first one of the next round.
local function advance(hole, samples, step)
  clear_samples(hole, samples)
  if step == 'round' then
    redis.call('HINCRBY', hole, 'rd', 1)
    redis.call('HSET', hole, 'ca', 0)
  else
    redis.call('HINCRBY', hole, 'ca', 1)
  end
end

-- End the run when its last hole has come to an end. Returns 1 if it did.
local function settle(meta, events)
  local m = redis.call('HMGET', meta, 'state', 'sealed', 'n:pending', 'n:in_progress')
  if m[2] ~= '1' and m[1] ~= 'cancelling' then return 0 end
  if (tonumber(m[3]) or 0) + (tonumber(m[4]) or 0) > 0 then return 0 end
  local to = nil
  if m[1] == 'running' or m[1] == 'paused' then to = 'done' end
  if m[1] == 'cancelling' then to = 'cancelled' end
  if not to then return 0 end
  redis.call('HSET', meta, 'state', to, 'finished_ms', now_ms())
  redis.call('XADD', events, 'MAXLEN', '~', 1000, '*', 't', 'run', 's', to)
  return 1
end
