-- Ask for a permit to call a model's endpoint now, or for the next slot.
-- KEYS: 1 state   2 leases   3 held   4 queue   5 window   6 order
-- ARGV: 1 time that stands in for the clock (tests), else ''   2 permit   3 place in the queue   4 lease (ms)
--       5 calls at once   6 requests a window, 0: no limit   7 tokens a window, 0: no limit   8 tokens estimated
--       9 longest wait that is reserved (ms), -1: a permit now or nothing, and what is reserved stays,
--         -2: the same, and of the calls at once none is kept for those who are not here   10 how long a reserved slot is kept (ms)   11 window (ms)   12 grain (ms)
--       13 reservations at once   14 expiry of unused keys (ms)
-- Returns {'go', end of the lease, now, '' | 'probe'}
--         {'wait', when to come back, now, why}: a slot is kept for the place
--         {'refuse', when to ask again (0: never), now, why, openings in a row, pace (ms)}: nothing is kept
--         why = rate | concurrency | paused | reserved (asked before its time) | open | denied (open since the endpoint
--         refused our key) | probing | too_large | crowded; openings in a row with open, denied and probing
local MS_UNKNOWN = 1000 -- mean time of a call before any was seen
local POLL = 200        -- a place whose slot is late asks again after so long at the earliest
local TICK = 1024       -- parts of a millisecond, by which places of the same millisecond are told apart
local permit, place = 'p' .. ARGV[2], 'r' .. ARGV[3]
local lease, limit, rpm, tpm, tokens = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local max_wait, hold, window, grain = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local crowd, ttl = tonumber(ARGV[13]), tonumber(ARGV[14])
local present = max_wait == -2
local now = clock(ARGV[1])
if now >= S.le then
  -- needs: sweep_leases
  sweep_leases(now, math.min(lease, hold))
end
if now >= S.wl then
  -- needs: sweep_window
  sweep_window(now, window, grain)
end
local kept = redis.call('HMGET', HELD, permit, place) -- of each what is held for it, if anything is
local held = redis.call('ZCARD', LEASES)
local waiting = held > 0 and redis.call('ZCARD', QUEUE) or 0

-- The usual case: nobody waits, and nothing is short.
if S.ou == 0 and S.pu <= now and not kept[1] and not kept[2] and waiting == 0 and held < limit
  and (rpm == 0 or S.n < rpm) and (tpm == 0 or S.t + tokens <= tpm) then
  local start = count(now, grain, tokens)
  redis.call('ZADD', LEASES, now + lease, permit)
  redis.call('HSET', HELD, permit, start .. '|' .. tokens .. '|' .. S.ep)
  if held == 0 then fresh[LEASES], fresh[HELD] = true, true end
  save(now, ttl)
  return {'go', int(now + lease - S.off), int(now - S.off), ''}
end
-- needs: drop, outside, adjust, leaves_at, read_permit

local function answer(verdict, time, why)
  if why == 'concurrency' then set('dn', now) end
  save(now, ttl)
  return {verdict, int(outside(time)), int(outside(now)), why}
end

-- Keep a permit or a place until it runs out; the keys may have been empty, and gone.
local function keep(ends, id)
  redis.call('ZADD', LEASES, ends, id)
  if held == 0 or kept[1] or kept[2] then fresh[LEASES], fresh[HELD] = true, true end
end

local function go(probe)
  if kept[2] then drop(place) end
  local start = count(now, grain, tokens)
  keep(now + lease, permit)
  redis.call('HSET', HELD, permit, start .. '|' .. tokens .. '|' .. S.ep)
  if probe then set('pr', permit) end
  return answer('go', now + lease, probe and 'probe' or '')
end

-- Mean time until one of the slots comes free, of the calls at once alone, and of all the limits.
local pace = (S.lat > 0 and S.lat / 1000 or MS_UNKNOWN) / limit
local slowest = math.max(pace, rpm > 0 and window / rpm or 0, tpm > 0 and tokens * window / tpm or 0)

local function refuse(time, why)
  if kept[2] and max_wait >= 0 then drop(place) end
  local said = answer('refuse', time, why)
  said[5], said[6] = '0', int(math.ceil(slowest))
  return said
end

-- The breaker is not closed: say so, and how often it has opened in a row.
local function shut(time, why)
  local more = redis.call('HMGET', STATE, 'oc', 'lv')
  if why == 'open' and more[1] == 'key' then why = 'denied' end
  local said = refuse(time, why)
  said[5] = int((tonumber(more[2]) or 0) + 1)
  return said
end

-- When so many requests and tokens will have left the window; nil where it does not hold so many.
local function free_at(n, t)
  for _, start in ipairs(redis.call('LRANGE', ORDER, 0, -1)) do
    if n <= 0 and t <= 0 then break end
    local counts = redis.call('HMGET', WINDOW, start .. 'n', start .. 't')
    n, t = n - tonumber(counts[1]), t - (tonumber(counts[2]) or 0)
    if n <= 0 and t <= 0 then return leaves_at(tonumber(start), window, grain) end
  end
  return (n <= 0 and t <= 0) and now or nil
end

-- What is too much in the window if `n` requests and `t` tokens come to it.
local function excess(n, t)
  return rpm > 0 and S.n + n - rpm or 0, tpm > 0 and S.t + t - tpm or 0
end

-- The permit is held already: the question is a repeated one. It is answered alike, and since its call may arrive as
-- late as now, it counts from now.
if kept[1] then
  local start, estimate, epoch = read_permit(kept[1])
  if adjust(start, -1, -estimate, now - window - grain) then
    start = count(now, grain, estimate)
    redis.call('ZADD', LEASES, int(now + lease), permit)
    redis.call('HSET', HELD, permit, start .. '|' .. int(estimate) .. '|' .. int(epoch))
    return answer('go', now + lease, S.pr == permit and 'probe' or '')
  end
  drop(permit)
  held = held - 1
end

if tpm > 0 and tokens > tpm then return refuse(0, 'too_large') end
local closed = S.ou == 0
if not closed then
  if now < S.ou then return shut(S.ou, 'open') end
  local probe_end = S.pr ~= '' and tonumber(redis.call('ZSCORE', LEASES, S.pr) or nil)
  if probe_end then return shut(math.min(probe_end, now + math.max(math.ceil(S.lat / 1000), POLL)), 'probing') end
end

local live = held - waiting
local score = kept[2] and tonumber(redis.call('ZSCORE', QUEUE, place) or nil)

local function keep_place(time, why)
  if max_wait < 0 then return refuse(time, why) end
  keep(time + hold, place)
  return answer('wait', time, why)
end

-- A slot was reserved. Whoever came before may still come for theirs: places in the queue are due in their order.
if score then
  local due = math.floor(score / TICK)
  if S.pu > now then
    if S.pu - now > max_wait then return refuse(S.pu, 'paused') end
    return keep_place(math.max(due, S.pu), 'paused')
  end
  if now < due then return keep_place(due, 'reserved') end
  local over_n, over_t = excess(1, tokens)
  if over_n > 0 or over_t > 0 then return keep_place(free_at(over_n, over_t) or now + window, 'rate') end
  local before = present and 0 or redis.call('ZRANK', QUEUE, place)
  if live + before + 1 > limit then return keep_place(now + math.max(POLL, math.ceil((before + 1) * pace)), 'concurrency') end
  return go(not closed)
end

-- A newcomer goes at once only if all that wait could: nobody's slot is taken. Of the calls at once only those whose
-- time has come are kept a slot free, for the others' will come free until then.
local due = waiting > 0 and not present and redis.call('ZCOUNT', QUEUE, '-inf', int(now * TICK + TICK - 1)) or 0
local over_n, over_t = excess(waiting + 1, S.rt + tokens)
local paced, rated = live + due + 1 > limit, over_n > 0 or over_t > 0
if S.pu <= now and not paced and not rated then return go(not closed) end

local at, why = math.max(now, S.pu), 'paused'
if S.pu <= now then why = rated and 'rate' or 'concurrency' end
local busy = (present and 0 or waiting) + 1 - limit + (S.pu <= now and live or 0)
if busy > 0 then at = at + math.ceil(busy * pace) end
if why == 'concurrency' and waiting == 0 then
  -- A permit that was not renewed for half its lease is a dead holder's, and comes back when that ends.
  local ends = tonumber(redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2])
  if ends and ends - now < lease / 2 then at = math.min(at, ends) end
end
local last = redis.call('ZREVRANGE', QUEUE, 0, 0, 'WITHSCORES')[2]
if rated then
  local free = free_at(over_n, over_t)
  if not free then
    -- More is reserved than a window holds: what comes first must leave it again.
    local first = redis.call('ZRANGE', QUEUE, 0, 0, 'WITHSCORES')[2]
    return refuse(math.max(at, leaves_at(first and math.floor(tonumber(first) / TICK) or now, window, grain)), 'rate')
  end
  at = math.max(at, free)
end
if paced then at = math.max(at, now + POLL) end
local order = at * TICK
if last and order <= tonumber(last) then
  order = tonumber(last) + 1
  at = math.floor(order / TICK)
end
if at - now > max_wait then return refuse(at, why) end
if waiting >= crowd then return refuse(at, 'crowded') end
redis.call('ZADD', QUEUE, int(order), place)
if waiting == 0 then fresh[QUEUE] = true end
redis.call('HSET', HELD, place, int(tokens))
set('rt', S.rt + tokens)
return keep_place(at, why)
