-- Give a lease back without an attempt: the hole waits, and no worker slot is held meanwhile; or it goes on to the next
-- candidate, which is free now.
-- KEYS: 1 meta   2 hole   3 leases   4 events   5 due   6 queued set of the candidate that follows, with next
-- ARGV: 1 hole id   2 sample   3 attempt id   4 wait (ms), or next   5 more for each pending hole (ms)   6 most of that (ms)
-- Returns what became of the hole: deferred | next, or as finish: cancelled | done | gone | late.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return 'gone' end
local k = ARGV[2]
local h = redis.call('HMGET', KEYS[2], 'st', 'n', k .. '.l', k .. '.v')
if not h[1] then return 'gone' end
if h[3] ~= ARGV[3] or h[4] then return 'late' end
local member = ARGV[1] .. '|' .. k
unreserve(KEYS[1], KEYS[2], k)
redis.call('HDEL', KEYS[2], k .. '.l', k .. '.x', k .. '.p', k .. '.w')
wake_short(KEYS[1], KEYS[5])
redis.call('ZREM', KEYS[3], member)
if is_terminal(h[1]) then return 'done' end
local cancelled = state == 'cancelling' or state == 'cancelled'
if cancelled or ARGV[4] == 'next' then
  local what = carry_out({KEYS[1], KEYS[2], KEYS[5], KEYS[6]}, {
    id = ARGV[1], member = member, sample = tonumber(k), samples = tonumber(h[2]), status = h[1],
    step = cancelled and 'cancel' or 'next',
  })
  settle(KEYS[1], KEYS[4])
  return what
end
local spread = math.min(tonumber(ARGV[5]) * (tonumber(redis.call('HGET', KEYS[1], 'n:pending')) or 0), tonumber(ARGV[6]))
redis.call('ZADD', KEYS[5], math.floor(now_ms() + tonumber(ARGV[4]) + spread), member)
if not (tonumber(h[2]) > 1 and others_leased(KEYS[2], tonumber(h[2]), tonumber(k))) then
  move(KEYS[1], KEYS[2], h[1], 'pending')
end
return 'deferred'
