-- Close a candidate whose samples are all closed: one of them is the fill, or the next candidate's turn comes, or none is left.
-- KEYS: 1 meta   2 hole   3 attempts   4 accounts   5 events   6 due
--       7.. queued set of each sample of the candidate that follows
-- ARGV: 1 hole id   2 round   3 candidate   4 step: accept | next | round | split | fail   5 index of the winner in attempts
--       6 the winner's record as accepted (JSON)   7 its model   8 error kind   9 error message
--       10 status the hole fails with
-- Returns {'ok', what [, send number]} (filled | next | round | split | failed | skipped | needs_review), or {'stale'} where somebody selected already.
redis.call('ZREM', KEYS[6], ARGV[1] .. '|select')
local h = redis.call('HMGET', KEYS[2], 'st', 'rd', 'ca', 'n', 'cl')
if not h[1] or is_terminal(h[1]) or h[2] ~= ARGV[2] or h[3] ~= ARGV[3] then return {'stale'} end
local samples = tonumber(h[4])
if (tonumber(h[5]) or 0) < samples then return {'stale'} end
local what
if ARGV[4] == 'accept' then
  redis.call('LSET', KEYS[3], ARGV[5], ARGV[6])
  redis.call('HINCRBY', KEYS[4], 'accepted|' .. ARGV[7], 1)
  redis.call('HSET', KEYS[2], 'wn', ARGV[5])
  move(KEYS[1], KEYS[2], h[1], 'filled')
  ended(KEYS[1], KEYS[6], ARGV[1])
  what = 'filled'
elseif ARGV[4] == 'next' or ARGV[4] == 'round' then
  advance(KEYS[2], samples, ARGV[4])
  local now, sn = now_ms(), redis.call('HINCRBY', KEYS[1], 'sn', 1)
  for k = 0, samples - 1 do
    redis.call('HSET', KEYS[2], k .. '.s', sn)
    redis.call('ZADD', KEYS[7 + k], now, ARGV[1] .. '|' .. k)
  end
  move(KEYS[1], KEYS[2], h[1], 'pending')
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 't', 'select', 'h', ARGV[1], 's', ARGV[4])
  return {'ok', ARGV[4], sn}
elseif ARGV[4] == 'split' then
  leave_to_split(KEYS[1], KEYS[2], KEYS[6], ARGV[1], samples, h[1])
  what = 'split'
else
  redis.call('HSET', KEYS[2], 'ek', ARGV[8], 'em', ARGV[9])
  blame(KEYS[1], ARGV[8])
  move(KEYS[1], KEYS[2], h[1], ARGV[10])
  ended(KEYS[1], KEYS[6], ARGV[1])
  what = ARGV[10]
end
redis.call('XADD', KEYS[5], 'MAXLEN', '~', 1000, '*', 't', 'select', 'h', ARGV[1], 's', what)
settle(KEYS[1], KEYS[5])
return {'ok', what}
