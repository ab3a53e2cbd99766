-- Commit the verdict on one sample's fill, once, and what follows for the hole.
-- KEYS: 1 meta   2 hole   3 attempts   4 accounts   5 leases   6 events   7 due   8 queued set of the candidate that follows
-- ARGV: 1 hole id   2 sample   3 attempt id   4 the attempt's record with its verdict (JSON)   5 model, '' for a joined fill   6 outcome
--       7 step: accept | next | round | fail | close | split   8 error kind of fail   9 error message of fail
--       10 status the hole fails with   11 1: a command judged it, so that there is somebody who can
-- Returns {'ok', what} as finish does, {'gone'}, or {'late', 0}: nothing was changed.
local state = redis.call('HGET', KEYS[1], 'state')
if not state then return {'gone'} end
local k = ARGV[2]
local h = redis.call('HMGET', KEYS[2], 'st', 'n', k .. '.l', k .. '.v')
if not h[1] then return {'gone'} end
if h[3] ~= ARGV[3] or not h[4] then
  redis.call('HINCRBY', KEYS[1], 'late', 1)
  return {'late', 0}
end
local step = ARGV[7]
if state == 'cancelling' or state == 'cancelled' then step = 'cancel' end
if is_terminal(h[1]) then step = 'none' end
local member = ARGV[1] .. '|' .. k
clear_lease(KEYS[2], k)
redis.call('HDEL', KEYS[2], k .. '.v')
redis.call('ZREM', KEYS[5], member)
if step ~= 'none' and step ~= 'cancel' then redis.call('LSET', KEYS[3], h[4], ARGV[4]) end
if step == 'accept' and ARGV[5] ~= '' then redis.call('HINCRBY', KEYS[4], 'accepted|' .. ARGV[5], 1) end
if ARGV[11] == '1' then redis.call('HSET', KEYS[1], 'judged_ms', now_ms()) end
local what = carry_out({KEYS[1], KEYS[2], KEYS[7], KEYS[8]}, {
  id = ARGV[1], member = member, sample = tonumber(k), samples = tonumber(h[2]), status = h[1], index = h[4],
  step = step, wait = 0, kind = ARGV[8], message = ARGV[9], ends = ARGV[10],
})
redis.call('XADD', KEYS[6], 'MAXLEN', '~', 1000, '*', 't', 'verdict', 'h', ARGV[1], 'm', ARGV[5], 'o', ARGV[6], 's', what)
settle(KEYS[1], KEYS[6])
return {'ok', what}
