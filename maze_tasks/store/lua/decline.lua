-- Give a lease on a verification back undecided: its holder cannot judge, and somebody else is asked after a wait.
-- KEYS: 1 hole   2 leases   3 due
-- ARGV: 1 hole id   2 sample   3 attempt id   4 wait (ms)
-- Returns 1, or 0 where the lease is lost.
local k = ARGV[2]
if redis.call('HGET', KEYS[1], k .. '.l') ~= ARGV[3] then return 0 end
local member, now = ARGV[1] .. '|' .. k, now_ms()
redis.call('HDEL', KEYS[1], k .. '.l', k .. '.x')
redis.call('ZREM', KEYS[2], member)
redis.call('HINCRBY', KEYS[1], k .. '.d', 1)
redis.call('HSETNX', KEYS[1], k .. '.f', now)
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[4]), member)
return 1
