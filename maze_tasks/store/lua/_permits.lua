-- Functions of the scripts that guard a model's endpoint; put in front of each of them when it is loaded.
-- KEYS of all of them: 1 state   2 leases   3 held   4 queue   5 window   6 order (what they hold: gauge_keys.py)
-- Times are milliseconds of Redis's own clock, held back from ever going backwards: where the clock is set back, or a
-- replica behind takes over, the time that passed meanwhile counts as none. Answers speak of Redis's clock as it is.
local STATE, LEASES, HELD, QUEUE, WINDOW, ORDER = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local FIELDS = {'off', 'seen', 'n', 't', 'rt', 'pu', 'ou', 'ep', 'lat', 'le', 'wl', 'xp', 'dn', 'pr'}
local SWEEP = 200 -- leases that ran out and are removed by one call; the others wait for the next
local REFRESH = 60000 -- ms by which keys may expire sooner than they should, so that not every call sets their expiry
local S, changed, fresh = {}, {}, {}

local function int(x)
  return string.format('%.0f', x)
end

local function set(field, value)
  S[field] = value
  changed[field] = true
end

-- Read the state and the clock. `override` stands in for Redis's clock in tests; production passes ''. `more` names
-- further fields; their values stand in the second result, behind those of FIELDS.
local function clock(override, more)
  for _, field in ipairs(more or {}) do FIELDS[#FIELDS + 1] = field end
  local values = redis.call('HMGET', STATE, unpack(FIELDS))
  for i = 1, 13 do S[FIELDS[i]] = tonumber(values[i]) or 0 end
  S.pr = values[14] or ''
  local raw = tonumber(override)
  if not raw then
    local t = redis.call('TIME')
    raw = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
  end
  local now = raw + S.off
  if now < S.seen then
    set('off', S.seen - raw)
    now = S.seen
  end
  if now ~= S.seen then set('seen', now) end
  return now, values
end

-- A time as Redis's clock will show it; 0 stays 0.
local function outside(time)
  return time > 0 and time - S.off or 0
end

-- Write what changed; with `ttl`, let everything expire that is not used for so long beyond a pause or an open period.
-- `xp` says when the keys expire: those in `fresh` were made by this call and know nothing of it.
local function save(now, ttl)
  local pairs_, all = {}, false
  if ttl then
    local ends = now + ttl + math.max(0, S.pu - now, S.ou - now)
    all = S.xp < ends - REFRESH
    if all then set('xp', ends) end
  end
  for field in pairs(changed) do
    local value = S[field]
    pairs_[#pairs_ + 1] = field
    pairs_[#pairs_ + 1] = value
  end
  if #pairs_ > 0 then redis.call('HSET', STATE, unpack(pairs_)) end
  if not ttl then return end
  for i = 1, 6 do
    if all or fresh[KEYS[i]] then redis.call('PEXPIRE', KEYS[i], S.xp - now) end
  end
end

-- Remove one permit or reservation; returns what was held for it, false where there was none.
local function drop(id)
  if redis.call('ZREM', LEASES, id) == 0 then return false end
  local data = redis.call('HGET', HELD, id)
  redis.call('HDEL', HELD, id)
  if string.sub(id, 1, 1) == 'r' then
    redis.call('ZREM', QUEUE, id)
    set('rt', S.rt - (tonumber(data) or 0))
  end
  return data
end

-- Give back what dead workers held and what nobody came for. Before `le` no lease ends, where what is granted from now on
-- lasts for `shortest` at least.
local function sweep_leases(now, shortest)
  local gone = redis.call('ZRANGEBYSCORE', LEASES, '-inf', int(now), 'LIMIT', 0, SWEEP)
  for _, id in ipairs(gone) do drop(id) end
  if not shortest then return end
  local first = tonumber(redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2] or nil)
  set('le', math.min(first or now + shortest, now + shortest))
end

-- A bucket of the window counts until its last millisecond is a whole window old.
local function leaves_at(start, window, grain)
  return start + grain + window
end

-- Needless before `wl`: no bucket leaves the window until then.
local function sweep_window(now, window, grain)
  local first = redis.call('LINDEX', ORDER, 0)
  while first and leaves_at(tonumber(first), window, grain) <= now do
    local n, t = first .. 'n', first .. 't'
    local counts = redis.call('HMGET', WINDOW, n, t)
    redis.call('LPOP', ORDER)
    redis.call('HDEL', WINDOW, n, t)
    set('n', S.n - (tonumber(counts[1]) or 0))
    set('t', S.t - (tonumber(counts[2]) or 0))
    first = redis.call('LINDEX', ORDER, 0)
  end
  if not first and (S.n ~= 0 or S.t ~= 0) then
    set('n', 0)
    set('t', 0)
  end
  set('wl', first and leaves_at(tonumber(first), window, grain) or now + window)
end

-- Change the counts of the bucket that starts at `start`, if it starts after `left`: those that do not have left the
-- window. Returns whether it is still there.
local function adjust(start, n, t, left)
  if tonumber(start) <= left then return false end
  if n ~= 0 then
    redis.call('HINCRBY', WINDOW, start .. 'n', n)
    set('n', S.n + n)
  end
  if t ~= 0 then
    redis.call('HINCRBY', WINDOW, start .. 't', t)
    set('t', S.t + t)
  end
  return true
end

-- Count a request and its tokens now; returns the start of its bucket.
local function count(now, grain, tokens)
  local start = int(now - now % grain)
  if redis.call('HINCRBY', WINDOW, start .. 'n', 1) == 1 and redis.call('LINDEX', ORDER, -1) ~= start then
    if redis.call('RPUSH', ORDER, start) == 1 then fresh[ORDER], fresh[WINDOW] = true, true end
  end
  set('n', S.n + 1)
  if tokens > 0 then
    redis.call('HINCRBY', WINDOW, start .. 't', tokens)
    set('t', S.t + tokens)
  end
  return start
end

-- What a permit holds: start of its bucket, tokens, epoch of the breaker.
local function read_permit(data)
  local start, tokens, epoch = string.match(data, '^(%d+)|(%d+)|(%d+)$')
  return start, tonumber(tokens), tonumber(epoch)
end
