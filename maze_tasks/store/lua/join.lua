-- Close a hole whose parts have all come to an end, once: with their fills joined, or without a fill.
-- KEYS: 1 meta   2 hole   3 attempts   4 due   5 events   6 queued set of the verifiers
-- ARGV: 1 hole id   2 step: accept | verify | fail   3 the record of the joined fill (JSON), '' without one
--       4 error kind   5 error message
-- Returns {'ok', what [, send number]} (filled | verify | failed), or {'stale'}: somebody did it, or the run is not going on.
local state = redis.call('HGET', KEYS[1], 'state')
local h = redis.call('HMGET', KEYS[2], 'st', 'hd', 'kids', 'n')
if not h[1] or is_terminal(h[1]) or not h[2] or not h[3] then return {'stale'} end
if state ~= 'running' and state ~= 'paused' then return {'stale'} end
redis.call('HDEL', KEYS[2], 'hd')
local index
if ARGV[3] ~= '' then index = redis.call('RPUSH', KEYS[3], ARGV[3]) - 1 end
local what
if ARGV[2] == 'verify' then
  local sn = redis.call('HINCRBY', KEYS[1], 'sn', 1)
  redis.call('HSET', KEYS[2], '0.v', index, '0.s', sn)
  -- Of several samples only this one is left: the others have nothing to ask.
  for k = 1, tonumber(h[4]) - 1 do redis.call('HSET', KEYS[2], k .. '.c', 1) end
  redis.call('ZADD', KEYS[6], now_ms(), ARGV[1] .. '|0')
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 't', 'join', 'h', ARGV[1], 's', 'verify')
  return {'ok', 'verify', sn}
elseif ARGV[2] == 'accept' then
  redis.call('HSET', KEYS[2], 'wn', index)
  what = 'filled'
else
  redis.call('HSET', KEYS[2], 'ek', ARGV[4], 'em', ARGV[5])
  what = 'failed'
end
move(KEYS[1], KEYS[2], h[1], what)
ended(KEYS[1], KEYS[4], ARGV[1])
redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 't', 'join', 'h', ARGV[1], 's', what)
settle(KEYS[1], KEYS[5])
return {'ok', what}
