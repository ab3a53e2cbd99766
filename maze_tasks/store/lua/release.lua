-- Let a hole go that waited for others, once: to its first candidate, or to the end its strategy gives it.
-- KEYS: 1 meta   2 hole   3 due   4 events   5.. queued set of each sample at its cursor
-- ARGV: 1 hole id   2 pending, or the status it ends with   3 error kind   4 error message
-- Returns the send number of its samples, 0 where it ended, -1 where it was not waiting.
local h = redis.call('HMGET', KEYS[2], 'st', 'n', 'hd', 'sp', 'kids')
if not h[3] or is_terminal(h[1]) or h[4] or h[5] then return -1 end
redis.call('HDEL', KEYS[2], 'hd')
if ARGV[2] == 'pending' then
  local now, sn = now_ms(), redis.call('HINCRBY', KEYS[1], 'sn', 1)
  for k = 0, tonumber(h[2]) - 1 do
    redis.call('HSET', KEYS[2], k .. '.s', sn)
    redis.call('ZADD', KEYS[5 + k], now, ARGV[1] .. '|' .. k)
  end
  return sn
end
redis.call('HSET', KEYS[2], 'ek', ARGV[3], 'em', ARGV[4])
move(KEYS[1], KEYS[2], h[1], ARGV[2])
ended(KEYS[1], KEYS[3], ARGV[1])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 't', 'release', 'h', ARGV[1], 's', ARGV[2])
settle(KEYS[1], KEYS[4])
return 0
