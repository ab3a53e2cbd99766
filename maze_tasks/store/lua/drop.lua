-- Close one hole of a run that is being cancelled, unless a call for it is running (its finish will close it).
-- KEYS: 1 meta   2 hole   3 events   4 leases   5 due   6.. queued set of each sample at its cursor
-- ARGV: 1 hole id   2 1: leases count as run out (their holders are known to be gone)
-- Returns 1 if the hole was closed here.
local state = redis.call('HGET', KEYS[1], 'state')
local h = redis.call('HMGET', KEYS[2], 'st', 'n')
if state ~= 'cancelling' or not h[1] or is_terminal(h[1]) then return 0 end
local now = now_ms()
for k = 0, tonumber(h[2]) - 1 do
  local expires = redis.call('HGET', KEYS[2], k .. '.x')
  if expires and tonumber(expires) > now and ARGV[2] ~= '1' then return 0 end
end
for k = 0, tonumber(h[2]) - 1 do
  local member = ARGV[1] .. '|' .. k
  unreserve(KEYS[1], KEYS[2], k)
  redis.call('ZREM', KEYS[4], member)
  redis.call('ZREM', KEYS[5], member)
  redis.call('ZREM', KEYS[6 + k], member)
end
local kind, message = stopped_by(KEYS[1])
redis.call('HSET', KEYS[2], 'ek', kind, 'em', message)
move(KEYS[1], KEYS[2], h[1], 'skipped')
ended(KEYS[1], KEYS[5], ARGV[1])
settle(KEYS[1], KEYS[3])
return 1
