-- Functions that several scripts use; put in front of each of them when it is loaded.
-- Times are milliseconds of Redis's own clock. Counts live in the run's meta hash as n:<status>.

local function now_ms()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local function is_terminal(status)
  return status == 'filled' or status == 'failed' or status == 'skipped' or status == 'needs_review'
end

-- Fields of the run's meta hash that a script has read already, and that it does not change, but counts in `move`, once.
local known = {}

local function meta_get(meta, field)
  if known[field] ~= nil then return known[field] end
  return redis.call('HGET', meta, field)
end

-- A count that was read and what is to be added to it, as it is written. Numbers of Lua are exact to more digits than `LONG`;
-- counts that have as many are left to HINCRBY.
local LONG = 15

local function sum(count, more)
  return string.format('%d', (tonumber(count) or 0) + more)
end

-- Add to counts of a hash, field and difference in turn, in one write: half of what as many HINCRBY take in the append-only
-- file, and no dearer.
local function add(key, from, to, pairs_)
  local fields, n, set = {}, 0, {}
  for i = from, to, 2 do
    n = n + 1
    fields[n] = pairs_[i]
  end
  if n == 0 then return end
  local counts = redis.call('HMGET', key, unpack(fields))
  for i = 1, n do
    local field, count, more = fields[i], counts[i], pairs_[from + 2 * i - 1]
    set[2 * i - 1] = field
    if count and #count >= LONG then
      redis.call('HINCRBY', key, field, more)
      set[2 * i] = redis.call('HGET', key, field)
    else
      set[2 * i] = sum(count, more)
    end
  end
  redis.call('HSET', key, unpack(set))
end

-- Move a hole to a status and keep the counts in step; fields and values behind it are set in the hole as well.
local function move(meta, hole, from, to, ...)
  if from == to then
    if ... then redis.call('HSET', hole, ...) end
    return
  end
  redis.call('HSET', hole, 'st', to, ...)
  local less, more = 'n:' .. from, 'n:' .. to
  if known[less] ~= nil and known[more] ~= nil then
    redis.call('HSET', meta, less, sum(known[less], -1), more, sum(known[more], 1))
  else
    redis.call('HINCRBY', meta, less, -1)
    redis.call('HINCRBY', meta, more, 1)
  end
  known[less], known[more] = nil, nil
end

-- Whether any sample but `except` holds a lease.
local function others_leased(hole, samples, except)
  local fields = {}
  for k = 0, samples - 1 do
    if k ~= except then fields[#fields + 1] = k .. '.l' end
  end
  for _, lease in ipairs(redis.call('HMGET', hole, unpack(fields))) do
    if lease then return true end
  end
  return false
end

-- A sample whose lease ran out twice, whoever was tried beside it, is sent to the suspects, who are tried one at a time;
-- one whose lease runs out three times there is set aside.
local COMPANY, ALONE = 2, 3

-- Count that a sample's lease ran out: in company, or alone among the suspects.
local function count_expiry(hole, k)
  if redis.call('HEXISTS', hole, k .. '.m') == 1 then
    redis.call('HINCRBY', hole, k .. '.q', 1)
  elseif redis.call('HINCRBY', hole, k .. '.e', 1) >= COMPANY then
    redis.call('HSET', hole, k .. '.m', 1)
  end
end

-- Whether the server has forgotten a lease that it had granted: a server that was started again, or a replica that took over,
-- may have lost its last second. Nobody holds the sample, and it stands where the holder began: in round `rd` at candidate
-- `ca`, after `t` retries, its call a repeated one (`r` = 1) or not.
local function forgotten(state, hole, k, began)
  if state ~= 'running' and state ~= 'paused' then return false end
  local h = redis.call('HMGET', hole, 'st', 'rd', 'ca', k .. '.l', k .. '.v', k .. '.c', k .. '.t', k .. '.r', 'hd')
  if not h[1] or is_terminal(h[1]) or h[4] or h[5] or h[6] or h[9] then return false end
  if h[2] ~= began.rd or h[3] ~= began.ca or (h[7] or '0') ~= began.t then return false end
  return not h[8] or began.r == '1' -- else it is on record as lost, and somebody else has had it since
end

-- Give back what a sample's lease had reserved of the run's budget; what its call cost is spent apart from that.
local function unreserve(meta, hole, k)
  local held = redis.call('HGET', hole, k .. '.b')
  if not held then return end
  if held ~= '0' then redis.call('HINCRBY', meta, 'reserved', '-' .. held) end
  redis.call('HDEL', hole, k .. '.b')
end

-- Of those who wait for what others have reserved, the one that came last looks again: something was given back.
local function wake_short(meta, due)
  local short = meta_get(meta, 'short')
  if not short then return end
  redis.call('HDEL', meta, 'short')
  redis.call('ZADD', due, 'XX', now_ms(), short)
end

-- A hole has ended of an error: where that was the budget, so does the run in the end.
local function blame(meta, kind)
  if kind == 'budget' then redis.call('HSET', meta, 'why', kind) end
end

-- What ends the holes of a run that is being ended: kind and message.
local function stopped_by(meta)
  local why = redis.call('HGET', meta, 'why')
  if why == 'deadline' then return why, 'the deadline of the run has passed' end
  return 'cancelled', 'the run was cancelled'
end

-- What a call for a hole costs at most, in nano-USD: its tokens (prompt, reply) at the prices of one of each.
local function most_cost(tokens, prompt_token, generated_token)
  return string.format('%.0f', tonumber(tokens[1]) * tonumber(prompt_token) + tonumber(tokens[2]) * tonumber(generated_token))
end

-- Forget a sample's lease, and what told against it: its holder came back, or never will. Fields behind it go as well.
local function clear_lease(hole, k, ...)
  redis.call('HDEL', hole, k .. '.l', k .. '.x', k .. '.p', k .. '.w', k .. '.e', k .. '.q', k .. '.m', k .. '.d', k .. '.f', ...)
end

-- Put the last holder of a sample's lease on record as lost, at the cost that was reserved for its call.
-- `keys` are meta, hole, attempts and accounts; `tail` is the record behind what is put in front of it here.
local function record_lost(keys, k, candidate, model, tail)
  local held = redis.call('HMGET', keys[2], k .. '.p', k .. '.w', k .. '.b')
  local cost = held[1] or '0'
  -- In a run with a budget no call is made ahead of its reservation.
  if redis.call('HEXISTS', keys[1], 'budget') == 1 then cost = held[3] or '0' end
  redis.call('RPUSH', keys[3], '{"outcome":"lost","cost_nano":' .. cost .. ',"worker":' .. (held[2] or 'null') .. ',' .. tail)
  redis.call('HINCRBY', keys[4], 'lost|' .. model, 1)
  redis.call('HINCRBY', keys[4], 'cost_nano|' .. model, cost)
  redis.call('HINCRBY', keys[1], 'cost_nano', cost)
  redis.call('HINCRBY', keys[4], 'unsettled_nano|' .. model, cost)
  redis.call('HINCRBY', keys[1], 'unsettled_nano', cost)
  redis.call('HINCRBY', keys[1], 'attempts', 1)
  unreserve(keys[1], keys[2], k)
  if tonumber(candidate) > 0 then
    redis.call('HINCRBY', keys[1], 'fallbacks', 1)
    redis.call('HINCRBY', keys[4], 'fallbacks|' .. model, 1)
  end
end

-- Forget what belonged to the candidate that is left; send numbers stay, so that older messages stay stale.
local function clear_samples(hole, samples)
  for k = 0, samples - 1 do clear_lease(hole, k, k .. '.t', k .. '.r', k .. '.c', k .. '.v') end
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
  local why = redis.call('HGET', meta, 'why')
  if m[1] == 'running' or m[1] == 'paused' then to = why == 'budget' and 'exhausted' or 'done' end
  if m[1] == 'cancelling' then to = why == 'deadline' and 'exhausted' or 'cancelled' end
  if not to then return 0 end
  redis.call('HSET', meta, 'state', to, 'finished_ms', now_ms())
  redis.call('XADD', events, 'MAXLEN', '~', 1000, '*', 't', 'run', 's', to)
  return 1
end

-- A hole has come to its end: where holes wait for holes, somebody owes them a look (`<id>|free` in `due`).
local function ended(meta, due, id)
  if meta_get(meta, 'ordered') == '1' then redis.call('ZADD', due, now_ms() + 5000, id .. '|free') end
end

-- Leave a hole to be divided into parts; whoever left it owes that, the sweeper else (`<id>|split` in `due`).
local function leave_to_split(meta, hole, due, id, samples, status)
  clear_samples(hole, samples)
  redis.call('HSET', hole, 'sp', 1, 'hd', 1)
  redis.call('ZADD', due, now_ms() + 5000, id .. '|split')
  move(meta, hole, status, 'pending')
end

-- Carry out what follows a decided sample, and say what became of the hole. `s` holds what the decision knows:
-- id, member, sample, samples, status (of the hole now), index (of the attempt), step, wait, kind, message, ends.
-- `keys` are meta, hole, due and the queued set of the candidate that follows.
local function carry_out(keys, s)
  local meta, hole, due, queued = keys[1], keys[2], keys[3], keys[4]
  local function busy() return s.samples > 1 and others_leased(hole, s.samples, s.sample) end
  local step = s.step
  if step == 'accept' then
    move(meta, hole, s.status, 'filled', 'wn', s.index)
    ended(meta, due, s.id)
    return 'filled'
  elseif step == 'next' or step == 'round' then
    advance(hole, s.samples, step)
    redis.call('ZADD', queued, now_ms(), s.member)
    move(meta, hole, s.status, 'pending')
    return step
  elseif step == 'retry' then
    redis.call('HINCRBY', hole, s.sample .. '.t', 1)
    redis.call('ZADD', due, now_ms() + s.wait, s.member)
    if not busy() then move(meta, hole, s.status, 'pending') end
    return 'retry'
  elseif step == 'verify' then
    redis.call('HSET', hole, s.sample .. '.v', s.index)
    redis.call('ZADD', queued, now_ms(), s.member)
    return 'verify'
  elseif step == 'close' then
    redis.call('HSET', hole, s.sample .. '.c', 1)
    if redis.call('HINCRBY', hole, 'cl', 1) >= s.samples then
      -- Should the finisher die before it selects, the sweeper finds the hole here.
      redis.call('ZADD', due, now_ms() + 5000, s.id .. '|select')
      return 'select'
    end
    if not busy() then move(meta, hole, s.status, 'pending') end
    return 'open'
  elseif step == 'split' then
    leave_to_split(meta, hole, due, s.id, s.samples, s.status)
    return 'split'
  elseif step == 'cancel' then
    if not busy() then
      local kind, message = stopped_by(meta)
      redis.call('HSET', hole, 'ek', kind, 'em', message)
      move(meta, hole, s.status, 'skipped')
      ended(meta, due, s.id)
    end
    return 'cancelled'
  elseif step == 'none' then
    return 'done'
  end
  redis.call('HSET', hole, 'ek', s.kind, 'em', s.message)
  blame(meta, s.kind)
  move(meta, hole, s.status, s.ends)
  ended(meta, due, s.id)
  return s.ends
end
