-- Prepare one sample of a hole to be sent again at its cursor: a new send number makes every older message stale.
-- KEYS: 1 meta   2 hole   3 leases   4 due   5 queued set of the cursor's model, or of the verifiers
-- ARGV: 1 hole id   2 sample   3 round   4 candidate   5 1: leases count as run out (their holders are known to be gone)
--       6 1: the sample is believed to wait for its verification
-- Returns the send number, or 0 where there is nothing to send (moved on, closed, leased, run stopped).
local state = redis.call('HGET', KEYS[1], 'state')
local k = ARGV[2]
local member = ARGV[1] .. '|' .. k
local h = redis.call('HMGET', KEYS[2], 'st', 'rd', 'ca', 'n', k .. '.l', k .. '.x', k .. '.c', k .. '.v', 'hd')
if not h[1] or is_terminal(h[1]) then
  redis.call('ZREM', KEYS[3], member)
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  return 0
end
if state ~= 'running' or h[2] ~= ARGV[3] or h[3] ~= ARGV[4] or h[7] then return 0 end
if h[9] or (h[8] and '1' or '0') ~= ARGV[6] then return 0 end
local now = now_ms()
if h[5] then
  if tonumber(h[6]) > now and ARGV[5] ~= '1' then return 0 end
  -- The lease stays in the hole, run out: its holder may still commit until somebody takes it over.
  redis.call('HSET', KEYS[2], k .. '.x', 0)
  if redis.call('ZREM', KEYS[3], member) == 1 then redis.call('HINCRBY', KEYS[2], 'ex', 1) end
  if not (tonumber(h[4]) > 1 and others_leased(KEYS[2], tonumber(h[4]), tonumber(k))) then
    move(KEYS[1], KEYS[2], h[1], 'pending')
  end
end
redis.call('ZREM', KEYS[4], member)
redis.call('ZADD', KEYS[5], now, member)
local sn = redis.call('HINCRBY', KEYS[1], 'sn', 1)
redis.call('HSET', KEYS[2], k .. '.s', sn)
return sn
