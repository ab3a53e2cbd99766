-- Let a hole that ended without a fill be tried again, from the first candidate of the next round; its run goes on.
-- KEYS: 1 meta   2 hole   3 events   4 samples set aside   5 parents   6 due
-- ARGV: 1 hole id   2 error kind that it must have ended with, '' for any
-- Returns 1 if it was opened, 2 if it waits for others first, 0 where it was left as it is. A hole whose parts did not all
-- get a fill waits for its parts again, which are to be opened too; one whose parts did not fit together forgets them.
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'done' and state ~= 'exhausted' and state ~= 'running' and state ~= 'paused' then return 0 end
local h = redis.call('HMGET', KEYS[2], 'st', 'n', 'ek', 'kids')
local failed = h[1] == 'failed' or h[1] == 'needs_review' or (h[1] == 'skipped' and h[3] ~= 'cancelled')
if not failed or (ARGV[2] ~= '' and ARGV[2] ~= h[3]) then return 0 end
local samples = tonumber(h[2])
local parted = h[4] and h[3] == 'part'
if not parted then
  advance(KEYS[2], samples, 'round')
  redis.call('HDEL', KEYS[2], 'kids')
end
redis.call('HDEL', KEYS[2], 'ek', 'em', 'wn')
local waits = parted or redis.call('EXISTS', KEYS[5]) == 1
-- Should whoever opens it die before it is sent, the sweeper finds it here.
local soon = now_ms() + 5000
local awaited = parted and string.match(h[4], '%S+') or waits and redis.call('SRANDMEMBER', KEYS[5])
if waits then redis.call('ZADD', KEYS[6], soon, awaited .. '|free') end
for k = 0, samples - 1 do
  local member = ARGV[1] .. '|' .. k
  redis.call('ZREM', KEYS[4], member)
  if not waits then redis.call('ZADD', KEYS[6], soon, member) end
end
move(KEYS[1], KEYS[2], h[1], 'pending')
if state == 'done' or state == 'exhausted' then
  redis.call('HSET', KEYS[1], 'state', 'running')
  redis.call('HDEL', KEYS[1], 'finished_ms', 'why', 'short')
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', 1000, '*', 't', 'run', 's', 'running')
end
if not waits then return 1 end
redis.call('HSET', KEYS[2], 'hd', 1)
return 2
