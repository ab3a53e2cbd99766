-- Lengthen a lease that its holder still has, or has again: the server may have forgotten it.
-- KEYS: 1 hole   2 leases   3 meta
-- ARGV: 1 hole id   2 sample   3 attempt id   4 lease (ms)   5 round   6 candidate
--       7 retries made at the candidate when the attempt began, -1: a lease that was forgotten stays so
--       8 repeated (0|1)   9 name of the worker (JSON)   10 nano-USD that the call may cost, '' for no call
-- Returns 1, or 0 where the lease is lost.
local k = ARGV[2]
if redis.call('HGET', KEYS[1], k .. '.l') ~= ARGV[3] then
  local began = {rd = ARGV[5], ca = ARGV[6], t = ARGV[7], r = ARGV[8]}
  if not forgotten(redis.call('HGET', KEYS[3], 'state'), KEYS[1], k, began) then return 0 end
  redis.call('HSET', KEYS[1], k .. '.l', ARGV[3], k .. '.w', ARGV[9])
  move(KEYS[3], KEYS[1], redis.call('HGET', KEYS[1], 'st'), 'in_progress')
end
local expires = now_ms() + tonumber(ARGV[4])
redis.call('HSET', KEYS[1], k .. '.x', expires)
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], k .. '.p', ARGV[10]) end
redis.call('ZADD', KEYS[2], expires, ARGV[1] .. '|' .. k)
return 1
