-- Set aside what a call may cost from the run's budget, ahead of the call. Where it does not fit while others have
-- something reserved, the lease is given back and the hole waits for them; where nobody has, it never will fit.
-- KEYS: 1 meta   2 hole   3 leases   4 due
-- ARGV: 1 hole id   2 sample   3 attempt id   4 the most that the call may cost (nano-USD)
-- Returns 'go' | 'deferred' | 'spent' (the lease is kept) | 'late': the lease is lost.
local k = ARGV[2]
local h = redis.call('HMGET', KEYS[2], 'st', 'n', k .. '.l', k .. '.b')
if h[3] ~= ARGV[3] then return 'late' end
if h[4] then return 'go' end
local m = redis.call('HMGET', KEYS[1], 'budget', 'cost_nano', 'reserved', 'n:pending')
if not m[1] then return 'go' end
local reserved, cost = tonumber(m[3]) or 0, tonumber(ARGV[4])
if (tonumber(m[2]) or 0) + reserved + cost <= tonumber(m[1]) then
  redis.call('HINCRBY', KEYS[1], 'reserved', ARGV[4])
  redis.call('HSET', KEYS[2], k .. '.b', ARGV[4])
  return 'go'
end
if reserved == 0 then return 'spent' end
local member = ARGV[1] .. '|' .. k
redis.call('HDEL', KEYS[2], k .. '.l', k .. '.x', k .. '.p', k .. '.w')
redis.call('ZREM', KEYS[3], member)
if not (tonumber(h[2]) > 1 and others_leased(KEYS[2], tonumber(h[2]), tonumber(k))) then
  move(KEYS[1], KEYS[2], h[1], 'pending')
end
-- It looks again when something is given back; should nobody come to that, by itself: the more wait, the later.
redis.call('ZADD', KEYS[4], now_ms() + math.min(60000, 1000 + 2 * (tonumber(m[4]) or 0)), member)
redis.call('HSET', KEYS[1], 'short', member)
return 'deferred'
