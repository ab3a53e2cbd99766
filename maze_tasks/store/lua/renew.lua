-- Lengthen a lease that its holder still has.
-- KEYS: 1 hole   2 leases
-- ARGV: 1 hole id   2 sample   3 attempt id   4 lease (ms)
-- Returns 1, or 0 where the lease is lost.
local k = ARGV[2]
if redis.call('HGET', KEYS[1], k .. '.l') ~= ARGV[3] then return 0 end
local expires = now_ms() + tonumber(ARGV[4])
redis.call('HSET', KEYS[1], k .. '.x', expires)
redis.call('ZADD', KEYS[2], expires, ARGV[1] .. '|' .. k)
return 1
