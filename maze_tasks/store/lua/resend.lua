-- Prepare one sample of a hole to be sent again at its cursor: a new send number makes every older message stale. A sample
-- whose lease ran out too often with nobody beside it is set aside instead.
-- KEYS: 1 meta   2 hole   3 leases   4 due   5 queued set of the cursor's model, or of the verifiers   6 that of its suspects
--       7 attempts   8 accounts   9 events   10 samples set aside
-- ARGV: 1 hole id   2 sample   3 round   4 candidate   5 1: leases count as run out (their holders are known to be gone)
--       6 1: the sample is believed to wait for its verification   7 model
--       8 record of a lost attempt behind what the script puts in front (JSON)   9 error message of a hole set aside
-- Returns {send number, suspect}; the number is 0 where there is nothing to send (moved on, closed, leased, run stopped),
--         -1 where the sample was set aside. suspect: 1 if it is to go to the queue of suspects.
local state = redis.call('HGET', KEYS[1], 'state')
local k = ARGV[2]
local member = ARGV[1] .. '|' .. k
local h = redis.call('HMGET', KEYS[2], 'st', 'rd', 'ca', 'n', k .. '.l', k .. '.x', k .. '.c', k .. '.v', 'hd')
if not h[1] or is_terminal(h[1]) then
  for i = 3, 6 do redis.call('ZREM', KEYS[i], member) end
  return {0, 0}
end
if state ~= 'running' or h[2] ~= ARGV[3] or h[3] ~= ARGV[4] or h[7] then return {0, 0} end
if h[9] or (h[8] and '1' or '0') ~= ARGV[6] then return {0, 0} end
local now, samples = now_ms(), tonumber(h[4])
local busy = samples > 1 and others_leased(KEYS[2], samples, tonumber(k))

local function set_aside()
  record_lost({KEYS[1], KEYS[2], KEYS[7], KEYS[8]}, k, h[3], ARGV[7], ARGV[8])
  clear_lease(KEYS[2], k)
  for i = 4, 6 do redis.call('ZREM', KEYS[i], member) end
  redis.call('ZADD', KEYS[10], now, member)
  local what = 'open'
  if samples > 1 then
    redis.call('HSET', KEYS[2], k .. '.c', 1)
    if redis.call('HINCRBY', KEYS[2], 'cl', 1) >= samples then redis.call('ZADD', KEYS[4], now, ARGV[1] .. '|select') end
    if not busy then move(KEYS[1], KEYS[2], h[1], 'pending') end
  else
    what = 'failed'
    redis.call('HSET', KEYS[2], 'ek', 'suspect', 'em', ARGV[9])
    move(KEYS[1], KEYS[2], h[1], what)
    ended(KEYS[1], KEYS[4], ARGV[1])
  end
  redis.call('XADD', KEYS[9], 'MAXLEN', '~', 1000, '*', 't', 'aside', 'h', ARGV[1], 'm', ARGV[7], 's', what)
  settle(KEYS[1], KEYS[9])
  return {-1, 0}
end

if h[5] then
  if tonumber(h[6]) > now and ARGV[5] ~= '1' then return {0, 0} end
  -- The lease stays in the hole, run out: its holder may still commit until somebody takes it over.
  redis.call('HSET', KEYS[2], k .. '.x', 0)
  -- Where all holders are known to be gone they were ended by somebody, and it tells nothing against the hole.
  if redis.call('ZREM', KEYS[3], member) == 1 and ARGV[5] ~= '1' then count_expiry(KEYS[2], k) end
  if not h[8] and (tonumber(redis.call('HGET', KEYS[2], k .. '.q')) or 0) >= ALONE then return set_aside() end
  if not busy then move(KEYS[1], KEYS[2], h[1], 'pending') end
end
local suspect = redis.call('HEXISTS', KEYS[2], k .. '.m')
redis.call('ZREM', KEYS[4], member)
redis.call('ZREM', KEYS[6 - suspect], member)
redis.call('ZADD', KEYS[5 + suspect], now, member)
local sn = redis.call('HINCRBY', KEYS[1], 'sn', 1)
redis.call('HSET', KEYS[2], k .. '.s', sn)
return {sn, suspect}
